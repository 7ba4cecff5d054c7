/* TLS between two ends in memory: what they agree on, whom they refuse and what they say about it. */
#include "base/bytes.h"
#include "base/test.h"
#include "io/tls.h"

#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

typedef struct {
    posw_identity *id[2];
    posw_tls_context *context[2]; /* 0: client, 1: server */
} world;

static int setup(void **state) {
    world *w = calloc(1, sizeof *w);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(posw_identity_new(&w->id[i]), POSW_OK);
        assert_int_equal(posw_tls_context_new(&w->context[i], w->id[i]), POSW_OK);
    }
    *state = w;
    return 0;
}

static int teardown(void **state) {
    world *w = *state;
    for (int i = 0; i < 2; i++) {
        posw_tls_context_free(w->context[i]);
        posw_identity_free(w->id[i]);
    }
    free(w);
    return 0;
}

/* ---- two ends of ours ---- */

typedef struct {
    posw_tls *end[2];
    posw_buf heard[2];
    size_t carried[2]; /* bytes to that end */
} pair;

static void pair_open(const world *w, pair *p, const posw_node_id *server_id) {
    memset(p, 0, sizeof *p);
    assert_int_equal(posw_tls_new(&p->end[0], w->context[0], false, server_id), POSW_OK);
    assert_int_equal(posw_tls_new(&p->end[1], w->context[1], true, NULL), POSW_OK);
}

static void pair_close(pair *p) {
    for (int i = 0; i < 2; i++) {
        posw_tls_free(p->end[i]);
        posw_buf_clear(&p->heard[i]);
    }
}

static void feed(pair *p, int end, const uint8_t *data, size_t size) {
    uint8_t *exact = malloc(size > 0 ? size : 1); /* so that a sanitizer sees each byte read beyond */
    if (size > 0) memcpy(exact, data, size);
    posw_tls_feed(p->end[end], exact, size, &p->heard[end]);
    free(exact);
}

/* Carries what both have to say, in pieces of at most `piece` bytes. */
static void carry(pair *p, size_t piece) {
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < 2; i++) {
            posw_buf out = *posw_tls_output(p->end[1 - i]);
            *posw_tls_output(p->end[1 - i]) = (posw_buf){0};
            more = more || out.size > 0;
            for (size_t at = 0; at < out.size; at += piece)
                feed(p, i, out.data + at, out.size - at < piece ? out.size - at : piece);
            p->carried[i] += out.size;
            posw_buf_clear(&out);
        }
    }
}

static void assert_state(const pair *p, int end, enum posw_tls_state state) {
    if (posw_tls_state_now(p->end[end]) != state)
        fail_msg("%s is in state %d (%s)", end == 0 ? "client" : "server", (int)posw_tls_state_now(p->end[end]),
                 posw_tls_reason(p->end[end]));
}

static void assert_open(const world *w, const pair *p) {
    for (int i = 0; i < 2; i++) {
        assert_state(p, i, POSW_TLS_OPEN);
        const posw_node_id seen = posw_tls_peer_id(p->end[i]), is = posw_identity_node_id(w->id[1 - i]);
        assert_memory_equal(&seen, &is, sizeof is);
        assert_string_equal(posw_tls_reason(p->end[i]), "");
    }
}

static posw_buf noise(size_t size, unsigned seed) {
    posw_buf b = {0};
    uint8_t *at = posw_buf_extend(&b, size);
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)((seed = seed * 1103515245 + 12345) >> 16);
    return b;
}

static void says(pair *p, int from, size_t size, unsigned seed) {
    posw_buf text = noise(size, seed);
    posw_buf_reset(&p->heard[1 - from]);
    assert_true(posw_tls_write(p->end[from], text.data, text.size));
    carry(p, 50000);
    assert_int_equal(p->heard[1 - from].size, size);
    if (size > 0) assert_memory_equal(p->heard[1 - from].data, text.data, size);
    posw_buf_clear(&text);
}

static void they_meet_and_talk(void **state) {
    const world *w = *state;
    const posw_node_id server = posw_identity_node_id(w->id[1]), any = {{0}}, *const expected[] = {NULL, &any, &server};
    const size_t sizes[] = {0, 1, 16383, 16384, 16385, 100000, 3000000};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(expected); i++) {
        pair p;
        pair_open(w, &p, expected[i]);
        assert_state(&p, 0, POSW_TLS_HANDSHAKE);
        carry(&p, SIZE_MAX);
        assert_open(w, &p);
        assert_in_range(p.carried[0], 300, 3000);
        assert_in_range(p.carried[1], 300, 3000);
        for (size_t k = 0; k < POSW_ARRAY_SIZE(sizes); k++) {
            says(&p, 0, sizes[k], (unsigned)k);
            says(&p, 1, sizes[k], (unsigned)k + 100);
        }
        posw_tls_close(p.end[0]);
        carry(&p, SIZE_MAX);
        assert_state(&p, 1, POSW_TLS_CLOSED);
        assert_state(&p, 0, POSW_TLS_OPEN);
        pair_close(&p);
    }
}

/* The first bytes of the protocol may come with the last of the handshake. */
static void words_come_with_the_handshake(void **state) {
    const world *w = *state;
    pair p;
    pair_open(w, &p, NULL);
    for (int i = 0; i < 2; i++) {
        posw_buf out = *posw_tls_output(p.end[i]);
        *posw_tls_output(p.end[i]) = (posw_buf){0};
        feed(&p, 1 - i, out.data, out.size);
        posw_buf_clear(&out);
    }
    assert_state(&p, 0, POSW_TLS_OPEN);
    assert_state(&p, 1, POSW_TLS_HANDSHAKE);
    assert_true(posw_tls_write(p.end[0], (const uint8_t *)"hello", 5));
    posw_tls_close(p.end[0]);
    carry(&p, SIZE_MAX);
    assert_state(&p, 1, POSW_TLS_CLOSED);
    assert_int_equal(p.heard[1].size, 5);
    assert_memory_equal(p.heard[1].data, "hello", 5);
    pair_close(&p);
}

static void cut_anywhere(void **state) {
    const world *w = *state;
    for (size_t piece = 1; piece < 64; piece = piece < 5 ? piece + 1 : piece * 3) {
        pair p;
        pair_open(w, &p, NULL);
        carry(&p, piece);
        assert_open(w, &p);
        pair_close(&p);
    }
}

/* A stream that ends anywhere in the handshake: still waiting, never open, no fault. */
static void ends_anywhere(void **state) {
    const world *w = *state;
    pair whole;
    pair_open(w, &whole, NULL);
    carry(&whole, SIZE_MAX);
    for (size_t cut = 0; cut < whole.carried[1]; cut++) {
        pair p;
        pair_open(w, &p, NULL);
        while (p.carried[1] < cut && posw_tls_output(p.end[0])->size + posw_tls_output(p.end[1])->size > 0) {
            for (int i = 1; i >= 0; i--) {
                posw_buf out = *posw_tls_output(p.end[1 - i]);
                *posw_tls_output(p.end[1 - i]) = (posw_buf){0};
                const size_t left = i == 1 ? cut - p.carried[1] : SIZE_MAX, size = out.size < left ? out.size : left;
                feed(&p, i, out.data, size);
                p.carried[i] += size;
                posw_buf_clear(&out);
            }
        }
        assert_state(&p, 1, POSW_TLS_HANDSHAKE);
        pair_close(&p);
    }
    pair_close(&whole);
}

/* Whatever byte is changed on its way to the server: it never thinks it well. */
static void each_changed_byte_is_noticed(void **state) {
    const world *w = *state;
    pair whole;
    pair_open(w, &whole, NULL);
    carry(&whole, SIZE_MAX);
    for (size_t at = 0; at < whole.carried[1]; at += 2) {
        pair p;
        pair_open(w, &p, NULL);
        for (int round = 0; round < 8; round++) {
            for (int i = 1; i >= 0; i--) {
                posw_buf out = *posw_tls_output(p.end[1 - i]);
                *posw_tls_output(p.end[1 - i]) = (posw_buf){0};
                if (i == 1 && at >= p.carried[1] && at < p.carried[1] + out.size) out.data[at - p.carried[1]] ^= 0x20;
                feed(&p, i, out.data, out.size);
                p.carried[i] += out.size;
                posw_buf_clear(&out);
            }
        }
        if (posw_tls_state_now(p.end[1]) ==
            POSW_TLS_OPEN) { /* the legacy record version of the first record is not looked at */
            assert_true(at < 11);
        } else if (posw_tls_state_now(p.end[1]) == POSW_TLS_FAILED) {
            assert_true(posw_tls_reason(p.end[1])[0] != '\0');
        }
        pair_close(&p);
    }
    pair_close(&whole);
}

static void damage_after_the_handshake(void **state) {
    const world *w = *state;
    pair p;
    pair_open(w, &p, NULL);
    carry(&p, SIZE_MAX);
    posw_buf text = noise(1000, 1);
    assert_true(posw_tls_write(p.end[0], text.data, text.size));
    posw_tls_output(p.end[0])->data[500] ^= 1;
    carry(&p, SIZE_MAX);
    assert_state(&p, 1, POSW_TLS_FAILED);
    assert_string_equal(posw_tls_reason(p.end[1]), "the encrypted stream is damaged");
    assert_int_equal(p.heard[1].size, 0);
    assert_state(&p, 0, POSW_TLS_FAILED); /* by the alert */
    feed(&p, 1, text.data, text.size);    /* nothing is looked at any more */
    assert_state(&p, 1, POSW_TLS_FAILED);
    posw_buf_clear(&text);
    pair_close(&p);
}

static void another_id_than_expected(void **state) {
    const world *w = *state;
    const posw_node_id own = posw_identity_node_id(w->id[0]);
    pair p;
    pair_open(w, &p, &own);
    carry(&p, SIZE_MAX);
    assert_state(&p, 0, POSW_TLS_FAILED);
    assert_string_equal(posw_tls_reason(p.end[0]), "another node id than expected");
    assert_state(&p, 1, POSW_TLS_FAILED);
    assert_non_null(strstr(posw_tls_reason(p.end[1]), "refused by the other side"));
    pair_close(&p);
}

static void garbage(void **state) {
    const world *w = *state;
    static const char *const texts[] = {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x80\x2e\x01\x03\x01",
                                        "SSH-2.0-OpenSSH_9.2\r\n", "{\"id\":1}\n\n\n\n\n\n",
                                        "HTTP/1.1 400 Bad Request\r\n\r\n"};
    for (int end = 0; end < 2; end++)
        for (size_t i = 0; i < POSW_ARRAY_SIZE(texts); i++) {
            pair p;
            pair_open(w, &p, NULL);
            feed(&p, end, (const uint8_t *)texts[i], strlen(texts[i]));
            feed(&p, end, (const uint8_t[64]){0}, 64);
            assert_state(&p, end, POSW_TLS_FAILED);
            if (i != 1) assert_string_equal(posw_tls_reason(p.end[end]), "not a posw node: no TLS");
            pair_close(&p);
        }
    for (unsigned seed = 1; seed < 200; seed++) {
        posw_buf b = noise(5000, seed);
        pair p;
        pair_open(w, &p, NULL);
        if (seed % 2 == 0)
            memcpy(b.data, (uint8_t[]){22, 3, 1, 8, 0, 1, 0, 7, 0xfc, 3, 3}, 11); /* the shape of a first message */
        feed(&p, 1, b.data, b.size);
        assert_state(&p, 1, POSW_TLS_FAILED);
        assert_int_equal(p.heard[1].size, 0);
        pair_close(&p);
        posw_buf_clear(&b);
    }
}

/* A message that never ends is not waited for. */
static void a_handshake_has_a_limit(void **state) {
    const world *w = *state;
    uint8_t record[5 + 1024] = {22, 3, 1, 4, 0, 1, 1, 0xff, 0xff, 3, 3};
    pair p;
    size_t sent = 0;
    pair_open(w, &p, NULL);
    while (posw_tls_state_now(p.end[1]) == POSW_TLS_HANDSHAKE) {
        feed(&p, 1, record, sizeof record);
        sent += sizeof record;
        memset(record + 5, 0, sizeof record - 5);
    }
    assert_state(&p, 1, POSW_TLS_FAILED);
    assert_string_equal(posw_tls_reason(p.end[1]), "the TLS handshake is too long");
    assert_in_range(sent, POSW_TLS_HANDSHAKE_BYTES_MAX, POSW_TLS_HANDSHAKE_BYTES_MAX + sizeof record);
    pair_close(&p);
}

/* ---- another end: OpenSSL as others set it up ---- */

typedef struct {
    EVP_PKEY *key, *signer;
    const char *protocol;
    int version;
    bool no_certificate;
} stranger_options;

typedef struct {
    SSL_CTX *context;
    SSL *ssl;
    BIO *in, *out;
} stranger;

static X509 *certificate(EVP_PKEY *key, EVP_PKEY *signer) {
    X509 *c = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(c), 7);
    X509_gmtime_adj(X509_getm_notBefore(c), -1000);
    X509_gmtime_adj(X509_getm_notAfter(c), 1000);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC, (const uint8_t *)"me", -1, -1, 0);
    X509_set_issuer_name(c, X509_get_subject_name(c));
    X509_set_pubkey(c, key);
    assert_true(X509_sign(c, signer, EVP_PKEY_get_id(signer) == EVP_PKEY_RSA ? EVP_sha256() : NULL) > 0);
    return c;
}

static void stranger_open(stranger *s, const stranger_options *o, bool server) {
    uint8_t alpn[32];
    s->context = SSL_CTX_new(TLS_method());
    if (o->version != 0) SSL_CTX_set_max_proto_version(s->context, o->version);
    SSL_CTX_set_verify(s->context, SSL_VERIFY_NONE, NULL);
    if (!o->no_certificate) {
        X509 *c = certificate(o->key, o->signer != NULL ? o->signer : o->key);
        SSL_CTX_use_certificate(s->context, c);
        SSL_CTX_use_PrivateKey(s->context, o->key);
        X509_free(c);
    }
    s->ssl = SSL_new(s->context);
    if (o->protocol != NULL) {
        alpn[0] = (uint8_t)strlen(o->protocol);
        memcpy(alpn + 1, o->protocol, alpn[0]);
        SSL_set_alpn_protos(s->ssl, alpn, alpn[0] + 1U);
    }
    s->in = BIO_new(BIO_s_mem());
    s->out = BIO_new(BIO_s_mem());
    SSL_set_bio(s->ssl, s->in, s->out);
    if (server)
        SSL_set_accept_state(s->ssl);
    else
        SSL_set_connect_state(s->ssl);
}

static void stranger_close(stranger *s) {
    SSL_free(s->ssl);
    SSL_CTX_free(s->context);
}

/* One of ours against a stranger; how ours ends. */
static void meet(const world *w, const stranger_options *o, bool stranger_is_server, const posw_node_id *expected,
                 const char *reason) {
    stranger s;
    posw_tls *t;
    posw_buf heard = {0};
    uint8_t bytes[8192];
    size_t n;
    stranger_open(&s, o, stranger_is_server);
    assert_int_equal(posw_tls_new(&t, w->context[0], !stranger_is_server, expected), POSW_OK);
    for (int round = 0; round < 10; round++) {
        posw_buf *out = posw_tls_output(t);
        if (out->size > 0) BIO_write(s.in, out->data, (int)out->size);
        posw_buf_reset(out);
        char c;
        if (SSL_do_handshake(s.ssl) == 1) (void)SSL_read(s.ssl, &c, 1);
        while (BIO_read_ex(s.out, bytes, sizeof bytes, &n) == 1)
            posw_tls_feed(t, bytes, n, &heard);
    }
    if (reason == NULL) {
        if (posw_tls_state_now(t) != POSW_TLS_OPEN) fail_msg("%s", posw_tls_reason(t));
    } else {
        assert_int_equal(posw_tls_state_now(t), POSW_TLS_FAILED);
        if (strstr(posw_tls_reason(t), reason) == NULL) fail_msg("'%s' does not say '%s'", posw_tls_reason(t), reason);
    }
    posw_buf_clear(&heard);
    posw_tls_free(t);
    stranger_close(&s);
}

static int choose_posw(SSL *ssl, const unsigned char **out, unsigned char *size, const unsigned char *in,
                       unsigned in_size, void *arg) {
    (void)ssl, (void)in_size;
    *out = in + 1;
    *size = (unsigned char)(in[0] - (arg != NULL));
    return SSL_TLSEXT_ERR_OK;
}

static void strangers_that_dial_us(void **state) {
    const world *w = *state;
    EVP_PKEY *key = posw_identity_key(w->id[1]), *other = posw_identity_key(w->id[0]);
    EVP_PKEY *rsa = EVP_RSA_gen(2048), *ec = EVP_EC_gen("P-256"), *ed448 = EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
    meet(w, &(stranger_options){.key = key, .protocol = "posw/1"}, false, NULL, NULL);
    meet(w, &(stranger_options){.key = key, .protocol = "posw/1", .version = TLS1_2_VERSION}, false, NULL,
         "no TLS 1.3");
    meet(w, &(stranger_options){.key = key, .protocol = "posw/2"}, false, NULL, "another protocol");
    meet(w, &(stranger_options){.key = key, .protocol = "h2"}, false, NULL, "another protocol");
    meet(w, &(stranger_options){.key = key}, false, NULL, "another protocol");
    meet(w, &(stranger_options){.no_certificate = true, .protocol = "posw/1"}, false, NULL, "no certificate");
    meet(w, &(stranger_options){.key = key, .signer = other, .protocol = "posw/1"}, false, NULL,
         "not signed by its own key");
    EVP_PKEY *const kinds[] = {rsa, ec, ed448};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(kinds);
         i++) { /* which the client itself keeps back, as we name only Ed25519 */
        meet(w, &(stranger_options){.key = kinds[i], .protocol = "posw/1"}, false, NULL, "no certificate");
        EVP_PKEY_free(kinds[i]);
    }
}

static void strangers_that_we_dial(void **state) {
    const world *w = *state;
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    meet(w, &(stranger_options){.key = rsa}, true, NULL, "refused by the other side");
    meet(w, &(stranger_options){.key = posw_identity_key(w->id[1]), .version = TLS1_2_VERSION}, true, NULL,
         "no TLS 1.3");
    meet(w, &(stranger_options){.key = posw_identity_key(w->id[1])}, true, NULL, "another protocol");
    EVP_PKEY_free(rsa);
}

/* A certificate with another kind of key, from one who does not care what we named. */
static void other_kinds_of_keys(void **state) {
    const world *w = *state;
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    posw_node_id id;
    assert_false(posw_identity_id_of_key(&id, rsa));
    assert_true(posw_identity_id_of_key(&id, posw_identity_key(w->id[0])));
    EVP_PKEY_free(rsa);
}

/* Key updates: a few are good, a flood of them is not. */
static void a_flood_of_key_updates(void **state) {
    const world *w = *state;
    stranger s;
    posw_tls *t;
    posw_buf heard = {0};
    uint8_t bytes[8192];
    size_t n;
    int updates = 0;
    stranger_open(&s, &(stranger_options){.key = posw_identity_key(w->id[1])}, true);
    SSL_CTX_set_alpn_select_cb(s.context, choose_posw, NULL);
    SSL_CTX_set_session_cache_mode(s.context, SSL_SESS_CACHE_OFF);
    SSL_set_num_tickets(s.ssl, 0);
    assert_int_equal(posw_tls_new(&t, w->context[0], false, NULL), POSW_OK);
    for (int round = 0; round < 1000 && posw_tls_state_now(t) != POSW_TLS_FAILED; round++) {
        posw_buf *out = posw_tls_output(t);
        if (out->size > 0) BIO_write(s.in, out->data, (int)out->size);
        posw_buf_reset(out);
        if (SSL_is_init_finished(s.ssl)) {
            char c;
            (void)SSL_read(s.ssl, &c, 1);
            assert_int_equal(SSL_key_update(s.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
            assert_int_equal(SSL_write(s.ssl, "x", 1), 1);
            updates++;
        } else {
            (void)SSL_do_handshake(s.ssl);
        }
        while (BIO_read_ex(s.out, bytes, sizeof bytes, &n) == 1)
            posw_tls_feed(t, bytes, n, &heard);
    }
    assert_int_equal(posw_tls_state_now(t), POSW_TLS_FAILED);
    assert_string_equal(posw_tls_reason(t), "too many TLS messages without data");
    assert_in_range(updates, 10, 40);
    posw_buf_clear(&heard);
    posw_tls_free(t);
    stranger_close(&s);
}

/* Nothing is resumed: a second connection proves the key again, and no ticket is given. */
static void nothing_is_resumed(void **state) {
    const world *w = *state;
    stranger s;
    posw_tls *t;
    posw_buf heard = {0};
    uint8_t bytes[8192];
    size_t n;
    stranger_open(&s, &(stranger_options){.key = posw_identity_key(w->id[1]), .protocol = "posw/1"}, false);
    assert_int_equal(posw_tls_new(&t, w->context[0], true, NULL), POSW_OK);
    for (int round = 0; round < 10; round++) {
        posw_buf *out = posw_tls_output(t);
        char c;
        if (SSL_do_handshake(s.ssl) == 1) (void)SSL_read(s.ssl, &c, 1);
        while (BIO_read_ex(s.out, bytes, sizeof bytes, &n) == 1)
            posw_tls_feed(t, bytes, n, &heard);
        if (out->size > 0) BIO_write(s.in, out->data, (int)out->size);
        posw_buf_reset(out);
    }
    assert_int_equal(posw_tls_state_now(t), POSW_TLS_OPEN);
    assert_int_equal(SSL_SESSION_is_resumable(SSL_get_session(s.ssl)), 0);
    assert_string_equal(SSL_get_version(s.ssl), "TLSv1.3");
    assert_int_equal(SSL_get_negotiated_group(s.ssl), NID_X25519);
    posw_buf_clear(&heard);
    posw_tls_free(t);
    stranger_close(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(they_meet_and_talk),
        TEST(words_come_with_the_handshake),
        TEST(cut_anywhere),
        TEST(ends_anywhere),
        TEST(each_changed_byte_is_noticed),
        TEST(damage_after_the_handshake),
        TEST(another_id_than_expected),
        TEST(garbage),
        TEST(a_handshake_has_a_limit),
        TEST(strangers_that_dial_us),
        TEST(strangers_that_we_dial),
        TEST(other_kinds_of_keys),
        TEST(a_flood_of_key_updates),
        TEST(nothing_is_resumed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
