/* Upgrades between nodes: EIP-2124's cases, and the farewell at the height where the rules of two nodes part. */
#include "net.h"

#include "base/random.h"
#include "p2p/p2p_internal.h"

/* ---- fork ids ---- */

static posw_params params_with(const uint64_t *heights, size_t count) {
    posw_params p;
    posw_params_default(&p);
    for (size_t i = 0; i < count; i++) {
        p.upgrades[i] = (posw_upgrade){.height = heights[i], .name = "up", .rules = posw_params_rules(&p, 0)};
        p.upgrades[i].rules.gas_limit += i + 1;
    }
    p.upgrade_count = (uint32_t)count;
    return p;
}

/* EIP-2124's example: Ethereum's genesis and its forks up to Petersburg. */
static void known_ids(void **state) {
    (void)state;
    static const uint64_t heights[] = {1150000, 1920000, 2463000, 2675000, 4370000, 7280000};
    static const struct {
        uint64_t number;
        const char *hash;
        uint64_t next;
    } cases[] = {{0, "fc64ec04", 1150000},       {1149999, "fc64ec04", 1150000}, {1150000, "97c2c34c", 1920000},
                 {1919999, "97c2c34c", 1920000}, {1920000, "91d1f948", 2463000}, {2463000, "7a64da13", 2675000},
                 {2675000, "3edd5b10", 4370000}, {4370000, "a00bc324", 7280000}, {7279999, "a00bc324", 7280000},
                 {7280000, "668db0af", 0},       {7987396, "668db0af", 0}};
    posw_hash genesis;
    assert_true(posw_hex_decode(genesis.b, 32, "d4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3", 64));
    const posw_params p = params_with(heights, POSW_ARRAY_SIZE(heights));
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        const p2p_fork_id id = p2p_fork_id_at(&genesis, &p, cases[i].number);
        uint8_t want[4];
        assert_true(posw_hex_decode(want, 4, cases[i].hash, 8));
        assert_memory_equal(id.hash, want, 4);
        assert_int_equal(id.next, cases[i].next);
    }
}

static const posw_hash genesis = {{7}};

/* We: these upgrades and this tip; they: those. */
static p2p_fork_judgement judged(size_t ours_count, uint64_t number, size_t theirs_count,
                                 const uint64_t *theirs_heights, uint64_t their_number) {
    static const uint64_t heights[] = {100, 200};
    const posw_params ours = params_with(heights, ours_count),
                      theirs = params_with(theirs_heights == NULL ? heights : theirs_heights, theirs_count);
    const p2p_fork_id id = p2p_fork_id_at(&genesis, &theirs, their_number);
    return p2p_fork_judge(&genesis, &ours, number, &id);
}

static void expect(p2p_fork_judgement j, enum p2p_fork_verdict verdict, uint64_t height, uint64_t parts,
                   uint64_t unknown) {
    assert_int_equal(j.verdict, verdict);
    assert_int_equal(j.height, height);
    assert_int_equal(j.parts, parts);
    assert_int_equal(j.unknown, unknown);
}

static void judgements(void **state) {
    (void)state;
    static const uint64_t other[] = {150, 200};
    /* the same file: at any two heights */
    static const uint64_t numbers[] = {0, 99, 100, 150, 199, 200, 5000};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(numbers); i++)
        for (size_t k = 0; k < POSW_ARRAY_SIZE(numbers); k++)
            expect(judged(2, numbers[i], 2, NULL, numbers[k]), P2P_FORK_FITS, 0, 0, 0);
    /* they have no upgrades: fine until one of the two passes */
    expect(judged(1, 99, 0, NULL, 99), P2P_FORK_FITS, 0, 100, 0);
    expect(judged(1, 50, 0, NULL, 7000), P2P_FORK_FITS, 0, 100, 0);
    expect(judged(1, 100, 0, NULL, 99), P2P_FORK_THEY_LACK, 100, 0, 0);
    expect(judged(2, 300, 0, NULL, 99), P2P_FORK_THEY_LACK, 100, 0, 0);
    expect(judged(2, 200, 1, NULL, 150), P2P_FORK_THEY_LACK, 200, 0, 0);
    expect(judged(2, 150, 1, NULL, 150), P2P_FORK_FITS, 0, 200, 0);
    expect(judged(2, 50, 1, NULL, 150), P2P_FORK_FITS, 0, 200, 0); /* they are ahead, on the way that we know */
    /* we have none */
    expect(judged(0, 99, 1, NULL, 99), P2P_FORK_FITS, 0, 100, 100);
    expect(judged(0, 100, 1, NULL, 99), P2P_FORK_WE_LACK, 100, 0, 0); /* EIP-2124, 1a */
    expect(judged(0, 100, 1, NULL, 100), P2P_FORK_WE_LACK, 0, 0, 0);
    expect(judged(0, 5, 1, NULL, 100), P2P_FORK_WE_LACK, 0, 0, 0);
    /* other heights */
    expect(judged(1, 50, 1, other, 50), P2P_FORK_FITS, 0, 100, 150);
    expect(judged(1, 120, 1, other, 50), P2P_FORK_THEY_LACK, 100, 0, 0);
    expect(judged(1, 50, 1, other, 160), P2P_FORK_WE_LACK, 0, 0, 0);
}

/* ---- a node and its peers ---- */

enum { HEIGHT = 3, OLD = 1, NEW = 2, AHEAD = 3 };

static void open_with(n_net *w, bool upgraded) {
    memset(w, 0, sizeof *w);
    h_spec(&w->spec);
    if (upgraded) {
        posw_params *p = &w->spec.params;
        p->upgrades[0] = (posw_upgrade){.height = HEIGHT, .name = "spring", .rules = posw_params_rules(p, 0)};
        p->upgrades[0].rules.gas_limit /= 2;
        p->upgrade_count = 1;
    }
    n_open_spec(w);
}

/* Says hello as a node of the other kind, or the same, at block `number`. */
static void greet_as(n_net *w, uint64_t peer, bool upgraded, uint64_t number) {
    posw_buf b = {0};
    posw_params p = w->spec.params;
    p.upgrade_count = 0;
    if (upgraded) p.upgrades[0].height = HEIGHT, p.upgrade_count = 1;
    posw_msg_hello m = n_hello_of(w, peer);
    m.fork = p2p_fork_id_at(&m.genesis, &p, number);
    m.number = number;
    n_connect(w, peer);
    posw_msg_hello_encode(&b, &m);
    n_send(w, peer, &b);
    posw_buf_clear(&b);
}

static void expect_goodbye(const n_net *w, uint64_t peer, const char *says) {
    posw_msg_frame f;
    posw_msg_goodbye m;
    char text[POSW_MSG_SENTENCE_MAX + 1];
    assert_int_equal(n_got(w, peer, POSW_MSG_GOODBYE, &f), 1);
    assert_true(posw_msg_goodbye_decode(&m, f.payload));
    posw_msg_text(text, sizeof text, m.sentence);
    if (m.code != P2P_BYE_OTHER_FORK || strstr(text, says) == NULL) fail_msg("code %d: %s", (int)m.code, text);
    posw_p2p_status s;
    posw_p2p_read_status(w->p2p, &s);
    assert_int_equal(s.violations, 0);
}

static void expect_silence(const n_net *w, uint64_t peer) {
    assert_int_equal(n_got(w, peer, POSW_MSG_GOODBYE, NULL), 0);
    assert_true(w->peers[peer].open);
}

static void greetings(void **state) {
    (void)state;
    n_net w;
    uint64_t height;
    size_t peers;
    open_with(&w, true);
    greet_as(&w, OLD, false, HEIGHT - 1);
    greet_as(&w, NEW, true, HEIGHT - 1);
    greet_as(&w, AHEAD, true, HEIGHT + 5);
    expect_silence(&w, OLD);
    expect_silence(&w, NEW);
    expect_silence(&w, AHEAD);
    greet_as(&w, 4, false, HEIGHT); /* has passed the height, and not the upgrade */
    expect_goodbye(&w, 4, "upgrade needed: from block 3 on the rules change (\"spring\")");
    assert_false(posw_p2p_unknown_upgrade(w.p2p, &height, &peers));
    n_close(&w);

    open_with(&w, false);
    greet_as(&w, OLD, false, HEIGHT + 50);
    expect_silence(&w, OLD);
    assert_false(posw_p2p_unknown_upgrade(w.p2p, &height, &peers));
    greet_as(&w, NEW, true, HEIGHT - 1);
    expect_silence(&w, NEW);
    assert_true(posw_p2p_unknown_upgrade(w.p2p, &height, &peers));
    assert_true(height == HEIGHT && peers == 1);
    greet_as(&w, AHEAD, true, HEIGHT - 2);
    assert_true(posw_p2p_unknown_upgrade(w.p2p, &height, &peers) && peers == 1); /* one private network: one group */
    greet_as(&w, 4, true, HEIGHT);
    expect_goodbye(&w, 4, "another fork");
    n_close(&w);
}

static void n_import(n_net *w, const h_block *b) {
    posw_prepared p;
    posw_verdict v;
    posw_actions a = {0};
    ok(posw_prepare(&p, b->bytes.data, b->bytes.size, &h_pow, NULL, NULL));
    assert_int_equal(p.verdict.kind, POSW_VALID);
    ok(posw_node_submit_block(w->n, &p, &v, &a));
    assert_int_equal(v.kind, POSW_VALID);
    posw_prepared_clear(&p);
    n_perform(w, &a);
    posw_actions_clear(&a);
}

/* The own tip passes the height: whoever cannot follow goes then, and nobody else. */
static void passing(void **state) {
    (void)state;
    for (int upgraded = 0; upgraded < 2; upgraded++) {
        n_net w;
        open_with(&w, upgraded != 0);
        greet_as(&w, OLD, false, 0);
        greet_as(&w, NEW, true, 0);
        for (uint64_t n = 1; n <= HEIGHT; n++) {
            expect_silence(&w, OLD);
            expect_silence(&w, NEW);
            h_block b = h_simple(w.node.chain, 1, n);
            n_import(&w, &b);
            h_block_clear(&b);
        }
        assert_int_equal(posw_chain_tip(w.node.chain)->number, HEIGHT);
        if (upgraded) {
            expect_goodbye(&w, OLD, "upgrade needed: from block 3 on");
            expect_silence(&w, NEW);
        } else {
            expect_goodbye(&w, NEW, "you change the rules at block 3");
            expect_silence(&w, OLD);
        }
        n_close(&w);
    }
}

/* A block of the other side comes before the own tip has passed the height: it is no violation. */
static void block_of_the_other_side(bool upgraded, bool told, bool compact) {
    n_net w, other;
    posw_buf b = {0};
    posw_msg_writer list;
    open_with(&w, upgraded);
    open_with(&other, !upgraded);
    for (uint64_t n = 1; n < HEIGHT; n++) {
        h_block block = h_simple(w.node.chain, 1, n);
        n_import(&w, &block);
        n_import(&other, &block);
        h_block_clear(&block);
    }
    greet_as(&w, 1, told ? !upgraded : upgraded, HEIGHT - 1);
    expect_silence(&w, 1);
    h_block block = h_simple(other.node.chain, 1, 5);
    n_forget(&w);
    if (compact) {
        assert_true(posw_msg_compact_encode(&b, &block.header, NULL, (const uint8_t *)"8 bytes!", NULL, 0, NULL, 0));
    } else {
        posw_msg_announce_begin(&list, &b);
        assert_true(posw_msg_headers_add(&list, &block.header, NULL));
        posw_msg_end(&list);
    }
    n_send(&w, 1, &b);
    if (told) {
        expect_goodbye(&w, 1, upgraded ? "upgrade needed: from block 3" : "you change the rules at block 3");
    } else { /* one that speaks of no difference and brings such a block breaks the protocol */
        posw_p2p_status s;
        posw_p2p_read_status(w.p2p, &s);
        assert_int_equal(s.violations, 1);
    }
    assert_false(w.peers[1].open);
    assert_int_equal(posw_chain_tip(w.node.chain)->number, HEIGHT - 1);
    posw_buf_clear(&b);
    h_block_clear(&block);
    n_close(&w);
    n_close(&other);
}

static void blocks_of_the_other_side(void **state) {
    (void)state;
    for (int i = 0; i < 8; i++)
        block_of_the_other_side(i & 1, i & 2, i & 4);
}

/* A greeting is said once; the fork id comes again with each PING. */
static void pings(void **state) {
    (void)state;
    n_net w;
    posw_buf b = {0};
    posw_params p;
    open_with(&w, true);
    p = w.spec.params;
    greet_as(&w, OLD, true, 0);
    greet_as(&w, NEW, true, 0);
    posw_msg_ping m = {.number = 1, .fork = p2p_fork_id_at(&w.p2p->genesis, &p, 1)};
    posw_msg_ping_encode(&b, &m);
    n_send(&w, NEW, &b);
    expect_silence(&w, NEW);
    p.upgrade_count = 0; /* started anew with an old file */
    m.fork = p2p_fork_id_at(&w.p2p->genesis, &p, 1);
    posw_msg_ping_encode(&b, &m);
    n_send(&w, OLD, &b);
    expect_silence(&w, OLD); /* below the height it may stay */
    m.number = HEIGHT;
    posw_msg_ping_encode(&b, &m);
    n_send(&w, OLD, &b);
    expect_goodbye(&w, OLD, "upgrade needed: from block 3");
    posw_buf_clear(&b);
    n_close(&w);
}

/* ---- "upgrade needed" ---- */

static size_t lines_of_lacks;

static void count_line(void *arg, enum posw_log_level level, const char *category, const char *line) {
    (void)arg, (void)level;
    lines_of_lacks += strcmp(category, "p2p") == 0 && strstr(line, "upgrade") != NULL;
}

static const posw_log counting = {.level = POSW_LOG_INFO, .write = count_line};

/* Greets as above; the node has dialled it. */
static void dialled_as(n_net *w, uint64_t peer, bool upgraded, uint64_t number) {
    const posw_netaddr address = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = (uint8_t)peer}, .port = 1000};
    if (w->peers[peer].open) n_closed(w, peer);
    p2p_add_peer(w->p2p, peer, POSW_P2P_NAMED, &address)->reported = true; /* the policy knows nothing of it */
    greet_as(w, peer, upgraded, number);
}

static void expect_lack(const n_net *w, bool lacks, uint64_t height, size_t lines) {
    uint64_t told = 0;
    posw_p2p_status s;
    posw_p2p_read_status(w->p2p, &s);
    assert_int_equal(posw_p2p_upgrade_needed(w->p2p, &told), lacks);
    assert_int_equal(told, lacks ? height : 0);
    assert_int_equal(strncmp(s.problem, "upgrade needed", 14) == 0, lacks);
    assert_int_equal(lines_of_lacks, lines);
}

static void open_counting(n_net *w) {
    open_with(w, false);
    w->p2p->log = &counting;
    lines_of_lacks = 0;
}

/* One that has passed is heard of, seen to pass, and comes back: that is one upgrade, and one line. */
static void one_line_for_one_upgrade(void **state) {
    (void)state;
    n_net w;
    posw_buf b = {0};
    open_counting(&w);
    greet_as(&w, 9, true, HEIGHT + 1); /* one who came could say anything */
    expect_lack(&w, false, 0, 0);
    dialled_as(&w, 1, true, HEIGHT + 1);
    expect_lack(&w, true, 0, 1); /* it cannot say at which block */
    dialled_as(&w, 2, true, HEIGHT - 1);
    posw_params p = w.spec.params;
    p.upgrades[0].height = HEIGHT, p.upgrade_count = 1;
    posw_msg_ping m = {.number = HEIGHT, .fork = p2p_fork_id_at(&w.p2p->genesis, &p, HEIGHT)};
    posw_msg_ping_encode(&b, &m);
    n_send(&w, 2, &b);
    expect_lack(&w, true, HEIGHT, 1); /* it had said so before */
    dialled_as(&w, 2, true, HEIGHT + 1);
    dialled_as(&w, 1, true, HEIGHT + 2);
    expect_lack(&w, true, HEIGHT, 1); /* what was told before is remembered */
    posw_buf_clear(&b);
    n_close(&w);
}

/* It is over when more of those who were dialled think as we do, or who said so says otherwise. */
static void over_when_it_no_longer_holds(void **state) {
    (void)state;
    n_net w;
    open_counting(&w);
    dialled_as(&w, 1, true, HEIGHT);
    dialled_as(&w, 2, true, HEIGHT);
    dialled_as(&w, 3, false, 0);
    expect_lack(&w, true, 0, 1);
    greet_as(&w, 9, false, 0);
    dialled_as(&w, 4, false, 0);
    expect_lack(&w, true, 0, 1); /* as many as say so, and one who came */
    dialled_as(&w, 5, false, 0);
    expect_lack(&w, false, 0, 1);
    n_closed(&w, 5); /* that it is gone now changes nothing: its word stands */
    expect_lack(&w, false, 0, 1);
    dialled_as(&w, 6, true, HEIGHT);
    expect_lack(&w, true, 0, 2); /* needed again, and said again */
    dialled_as(&w, 6, false, 0);
    dialled_as(&w, 1, false, 0);
    dialled_as(&w, 2, false, 0);
    expect_lack(&w, false, 0, 2);
    n_close(&w);
}

/* The word of one that is gone counts for an hour beside those that are there, and on where there is nobody else. */
static void words_grow_old(void **state) {
    (void)state;
    enum { HOUR_MS = 60 * 60 * 1000 };
    n_net w;
    open_counting(&w);
    dialled_as(&w, 1, true, HEIGHT);
    n_tick(&w, 3 * HOUR_MS);
    expect_lack(&w, true, 0, 1); /* it is all that is known */
    dialled_as(&w, 2, false, 0);
    expect_lack(&w, false, 0, 1);
    dialled_as(&w, 1, true, HEIGHT);
    expect_lack(&w, true, 0, 2);
    n_tick(&w, HOUR_MS - 1);
    dialled_as(&w, 2, false, 0);
    expect_lack(&w, true, 0, 2);
    n_tick(&w, 1);
    expect_lack(&w, false, 0, 2);
    dialled_as(&w, 2, false, 0);
    dialled_as(&w, 1, true, HEIGHT);
    expect_lack(&w, true, 0, 3); /* it is back, and so is what it says */
    n_close(&w);
}

/* At the limit the oldest word goes. */
static void words_have_a_limit(void **state) {
    (void)state;
    n_net w;
    open_counting(&w);
    for (uint64_t i = 1; i <= P2P_WORDS_MAX; i++)
        dialled_as(&w, i, true, HEIGHT);
    assert_int_equal(w.p2p->word_count, P2P_WORDS_MAX);
    for (uint64_t i = 1; i <= P2P_WORDS_MAX / 2; i++)
        dialled_as(&w, P2P_WORDS_MAX + i, false, 0);
    expect_lack(&w, true, 0, 1);
    dialled_as(&w, N_PEERS, false, 0);
    expect_lack(&w, false, 0, 1);
    assert_int_equal(w.p2p->word_count, P2P_WORDS_MAX);
    n_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_ids),
        cmocka_unit_test(judgements),
        cmocka_unit_test(greetings),
        cmocka_unit_test(passing),
        cmocka_unit_test(blocks_of_the_other_side),
        cmocka_unit_test(pings),
        cmocka_unit_test(one_line_for_one_upgrade),
        cmocka_unit_test(over_when_it_no_longer_holds),
        cmocka_unit_test(words_grow_old),
        cmocka_unit_test(words_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
