/* The chain file: defaults, every key, a sentence for each mistake, canonical writing, and mutations. */
#include "base/buf.h"
#include "base/bytes.h"
#include "base/random.h"
#include "base/test.h"
#include "base/units.h"
#include "chain/chainfile.h"
#include "posw/difficulty.h"
#include "posw/u256.h"

#include <stdio.h>
#include <string.h>

#define HEAD "\"name\":\"Test\",\"ticker\":\"TST\",\"chainId\":77,\"timestamp\":1700000000"
#define MINIMAL "{" HEAD "}"
#define WITH(more) "{" HEAD "," more "}"
#define UP "\"upgrades\":[{\"height\":5,\"name\":\"up\""
#define A1 "0x00000000000000000000000000000000000000a1"
#define A2 "0x00000000000000000000000000000000000000a2"

static int read_text(posw_chain_spec *out, const char *text, posw_message *msg) {
    return posw_chainfile_read(out, text, strlen(text), msg);
}

static void read_ok(posw_chain_spec *out, const char *text) {
    posw_message msg = {{0}};
    *out = (posw_chain_spec){0};
    if (read_text(out, text, &msg) != POSW_OK) fail_msg("%s", msg.text);
}

static posw_buf written(const posw_chain_spec *spec) {
    posw_buf out = {0};
    posw_chainfile_write(&out, spec);
    assert_false(out.failed);
    assert_int_equal(out.data[out.size - 1], '\n');
    return out;
}

/* write(read(write(x))) = write(x), and the canonical parameters survive. */
static void round_trip(const posw_chain_spec *spec) {
    posw_buf first = written(spec), second;
    posw_chain_spec again = {0};
    posw_message msg = {{0}};
    posw_hash a, b;
    if (posw_chainfile_read(&again, (const char *)first.data, first.size, &msg) != POSW_OK) fail_msg("%s", msg.text);
    second = written(&again);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    posw_params_hash(&a, &spec->params);
    posw_params_hash(&b, &again.params);
    assert_memory_equal(a.b, b.b, sizeof a.b);
    assert_int_equal(spec->params.upgrade_count, again.params.upgrade_count);
    for (uint32_t i = 0; i < spec->params.upgrade_count; i++) {
        const posw_upgrade *u = &spec->params.upgrades[i], *v = &again.params.upgrades[i];
        assert_string_equal(u->name, v->name);
        assert_true(u->height == v->height && posw_rules_equal(&u->rules, &v->rules));
    }
    assert_int_equal(spec->account_count, again.account_count);
    assert_int_equal(spec->stake_count, again.stake_count);
    posw_chain_spec_clear(&again);
    posw_buf_clear(&first);
    posw_buf_clear(&second);
}

static posw_u256 coins(uint64_t n) {
    const posw_u256 one = posw_coin();
    posw_u256 out;
    assert_true(posw_u256_mul_u64(&out, &one, n));
    return out;
}

/* ---- what is accepted ---- */

static void defaults(void **state) {
    (void)state;
    posw_chain_spec spec;
    posw_params p;
    posw_hash a, b;
    read_ok(&spec, MINIMAL);
    posw_params_default(&p);
    p.chain_id = 77;
    p.genesis_time = 1700000000;
    posw_params_hash(&a, &spec.params);
    posw_params_hash(&b, &p);
    assert_memory_equal(a.b, b.b, sizeof a.b);
    assert_string_equal(spec.name, "Test");
    assert_string_equal(spec.ticker, "TST");
    assert_true(spec.params.genesis_time == 1700000000 && spec.params.gas_limit == 30000000);
    round_trip(&spec);
    posw_chain_spec_clear(&spec);
}

static const char full[] =
    "{ \"name\": \"Voll \\u00e4\", \"ticker\": \"X9\", \"chainId\": 2147483629, \"pow\": \"keccak256\", \"blockTime\": "
    "7, \"window\": 100,"
    " \"epoch\": 50, \"unbonding\": 200, \"maxReorg\": 25, \"difficulty\": { \"rule\": \"asert\", \"halfLife\": 33, "
    "\"genesis\": \"123456789012345678901\" },"
    " \"weight\": { \"rule\": \"power\", \"unit\": \"2.5 coin\", \"min\": 2, \"max\": \"18446744073709551615\", "
    "\"exponent\": \"1.5\" },"
    " \"stake\": { \"minimum\": \"3 gwei\" }, \"reward\": { \"initial\": \"1.25 coin\", \"halving\": 10, \"tail\": \"1 "
    "wei\","
    " \"treasury\": \"" A1 "\", \"treasuryShare\": 250 }, \"fees\": { \"base\": \"pool\", \"poolBlocks\": 9, "
    "\"initial\": \"5 gwei\", \"minimum\": \"7 wei\" },"
    " \"gasLimit\": 9000000000000000000, \"timestamp\": 0, \"upgrades\": [ { \"height\": 9, \"name\": \"one\", "
    "\"fees\": { \"minimum\": \"9 gwei\" } },"
    " { \"height\": \"1099511627775\", \"name\": \"zw\\u00f6lf\", \"gasLimit\": 5000, \"reward\": { \"treasury\": \"" A2
    "\", \"treasuryShare\": 0 } } ], \"accounts\": { \"" A1
    "\": \"10 coin\", \"0xABCDEF0000000000000000000000000000000001\": \"1 wei\" },"
    " \"stakes\": [ { \"miner\": \"" A2 "\", \"owner\": \"" A1 "\", \"amount\": \"1000 coin\" } ] }";

static void every_key(void **state) {
    (void)state;
    posw_chain_spec s;
    read_ok(&s, full);
    const posw_params *p = &s.params;
    assert_string_equal(s.name, "Voll \xc3\xa4");
    assert_string_equal(s.ticker, "X9");
    assert_true(p->chain_id == 2147483629 && p->pow == POSW_POW_KECCAK256 && p->block_time_s == 7 &&
                p->window_blocks == 100);
    assert_true(p->epoch_blocks == 50 && p->unbonding_blocks == 200 && p->reorg_max_blocks == 25);
    assert_true(p->difficulty_rule == POSW_DIFFICULTY_ASERT && p->difficulty_blocks == 33);
    char dec[POSW_U256_DEC_SIZE];
    posw_u256_to_dec(dec, &p->genesis_difficulty);
    assert_string_equal(dec, "123456789012345678901");
    assert_true(p->weight.rule == POSW_WEIGHT_POWER && p->weight.min == 2 && p->weight.max == UINT64_MAX &&
                p->weight.exponent_x2 == 3);
    posw_u256_to_dec(dec, &p->weight.unit_wei);
    assert_string_equal(dec, "2500000000000000000");
    assert_true(p->stake_min_wei.w[0] == 3000000000 && p->reward_tail_wei.w[0] == 1 && p->halving_blocks == 10);
    assert_true(p->reward_initial_wei.w[0] == 1250000000000000000);
    assert_true(p->treasury.b[19] == 0xa1 && p->treasury_share == 250);
    assert_true(p->fee_rule == POSW_FEE_POOL && p->pool_blocks == 9 && p->base_fee_initial_wei == 5000000000 &&
                p->base_fee_min_wei == 7);
    assert_true(p->gas_limit == 9000000000000000000 && p->genesis_time == 0);
    assert_int_equal(p->upgrade_count, 2);
    const posw_rules *one = &p->upgrades[0].rules, *two = &p->upgrades[1].rules;
    assert_string_equal(p->upgrades[0].name, "one");
    assert_true(p->upgrades[0].height == 9 && one->base_fee_min_wei == 9000000000 && one->gas_limit == p->gas_limit);
    assert_true(one->treasury_share == 250 && one->treasury.b[19] == 0xa1);
    assert_string_equal(p->upgrades[1].name, "zw\xc3\xb6lf");
    assert_true(p->upgrades[1].height == 1099511627775 && two->base_fee_min_wei == 9000000000);
    assert_true(two->gas_limit == 5000 && two->treasury_share == 0 && two->treasury.b[19] == 0xa2);
    assert_int_equal(s.account_count, 2);
    assert_true(s.accounts[1].address.b[0] == 0xab && s.accounts[1].balance_wei.w[0] == 1);
    assert_int_equal(s.stake_count, 1);
    assert_true(s.stakes[0].miner.b[19] == 0xa2 && s.stakes[0].owner.b[19] == 0xa1);
    const posw_u256 thousand = coins(1000);
    assert_true(posw_u256_equal(&s.stakes[0].amount_wei, &thousand));
    round_trip(&s);
    posw_chain_spec_clear(&s);
}

static void weight_forms(void **state) {
    (void)state;
    posw_chain_spec s;
    for (const char *const *name = posw_params_presets(); *name != NULL; name++) {
        char text[256];
        snprintf(text, sizeof text, WITH("\"weight\":{\"preset\":\"%s\"}"), *name);
        read_ok(&s, text);
        assert_string_equal(posw_params_preset_of(&s.params), *name);
        round_trip(&s);
        posw_chain_spec_clear(&s);
    }
    read_ok(&s, WITH("\"weight\":{\"preset\":\"quarkchain\"},\"window\":300"));
    assert_int_equal(s.params.window_blocks, 300); /* what is said wins over the preset, wherever it stands */
    assert_string_equal(posw_params_preset_of(&s.params), "quarkchain");
    round_trip(&s);
    posw_chain_spec_clear(&s);
    read_ok(&s, WITH("\"weight\":{\"preset\":\"ticket\",\"boost\":99,\"ramp\":1000}"));
    assert_true(s.params.weight.boost == 99 && s.params.weight.slots == 4 && s.params.weight.ramp_blocks == 1000);
    round_trip(&s);
    posw_chain_spec_clear(&s);
    read_ok(&s, WITH("\"weight\":{\"rule\":\"ticket\",\"boost\":3,\"slots\":2,\"price\":\"0 coin\",\"ramp\":0}"));
    assert_true(s.params.weight.boost == 3 && posw_u256_is_zero(&s.params.weight.ticket_price_wei));
    round_trip(&s);
    posw_chain_spec_clear(&s);
    read_ok(&s, WITH("\"weight\":{\"rule\":\"ticket\",\"boost\":3,\"slots\":2,\"price\":\"1 coin\"}"));
    assert_int_equal(s.params.weight.ramp_blocks, 0);
    round_trip(&s);
    posw_chain_spec_clear(&s);
    read_ok(&s, WITH("\"weight\":{\"preset\":\"linear\",\"exponent\":3}"));
    assert_int_equal(s.params.weight.exponent_x2, 6);
    round_trip(&s);
    posw_chain_spec_clear(&s);
}

static void difficulty_of(const char *keys, enum posw_difficulty_rule rule, uint64_t blocks) {
    char text[512];
    posw_chain_spec s;
    snprintf(text, sizeof text, "{" HEAD ",%s}", keys);
    read_ok(&s, text);
    assert_int_equal(s.params.difficulty_rule, rule);
    assert_int_equal(s.params.difficulty_blocks, blocks);
    round_trip(&s);
    posw_chain_spec_clear(&s);
}

static void difficulty_forms(void **state) {
    (void)state;
    difficulty_of("\"difficulty\":{}", POSW_DIFFICULTY_ASERT_LAG, 1008);
    difficulty_of("\"difficulty\":{\"halfLife\":7}", POSW_DIFFICULTY_ASERT_LAG, 7);
    difficulty_of("\"difficulty\":{\"rule\":\"asert\"}", POSW_DIFFICULTY_ASERT, 144);
    difficulty_of("\"difficulty\":{\"rule\":\"asert\",\"halfLife\":7}", POSW_DIFFICULTY_ASERT, 7);
    difficulty_of("\"difficulty\":{\"rule\":\"fixed\"}", POSW_DIFFICULTY_FIXED, 0);
    difficulty_of("\"difficulty\":{\"rule\":\"homestead\"}", POSW_DIFFICULTY_HOMESTEAD, 0);
    difficulty_of("\"difficulty\":{\"rule\":\"step\"}", POSW_DIFFICULTY_STEP, 0);
    difficulty_of("\"difficulty\":{\"rule\":\"lwma3\"}", POSW_DIFFICULTY_LWMA3, 60);
    difficulty_of("\"difficulty\":{\"rule\":\"lwma3\"},\"window\":59", POSW_DIFFICULTY_LWMA3, 59);
    difficulty_of("\"difficulty\":{\"rule\":\"lwma3\",\"blocks\":1024}", POSW_DIFFICULTY_LWMA3, 1024);
    difficulty_of("\"difficulty\":{\"rule\":\"lwma3\",\"blocks\":6},\"window\":6", POSW_DIFFICULTY_LWMA3, 6);
    difficulty_of("\"difficulty\":{\"rule\":\"bitcoin2016\"}", POSW_DIFFICULTY_BITCOIN2016, 2016);
    difficulty_of("\"difficulty\":{\"rule\":\"bitcoin2016\"},\"window\":3000", POSW_DIFFICULTY_BITCOIN2016, 2016);
    difficulty_of("\"difficulty\":{\"rule\":\"bitcoin2016\",\"blocks\":3000},\"window\":3000",
                  POSW_DIFFICULTY_BITCOIN2016, 3000);
    difficulty_of("\"difficulty\":{\"rule\":\"bitcoin2016\"},\"weight\":{\"preset\":\"quarkchain\"}",
                  POSW_DIFFICULTY_BITCOIN2016, 256); /* the preset's window */
}

static void checksummed_addresses(void **state) {
    (void)state;
    posw_chain_spec s;
    posw_message msg = {{0}};
    read_ok(
        &s,
        WITH("\"accounts\":{\"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed\":\"1 coin\"}")); /* EIP-55's first example */
    posw_chain_spec_clear(&s);
    assert_int_equal(
        read_text(&s, WITH("\"accounts\":{\"0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed\":\"1 coin\"}"), &msg),
        POSW_EPARSE);
    assert_non_null(strstr(msg.text, "checksum"));
    assert_non_null(strstr(msg.text, "accounts"));
}

static void development_chain(void **state) {
    (void)state;
    posw_chain_spec s;
    posw_message msg = {{0}};
    assert_int_equal(posw_chainfile_dev(&s), POSW_OK);
    assert_int_equal(posw_chain_spec_check(&s, NULL, &msg), POSW_OK);
    const posw_params *p = &s.params;
    assert_true(p->chain_id == 1337 && p->pow == POSW_POW_KECCAK256 && p->difficulty_rule == POSW_DIFFICULTY_FIXED);
    assert_true(p->block_time_s == 1 && p->window_blocks == 32 && p->epoch_blocks == 16 && p->unbonding_blocks == 32 &&
                p->reorg_max_blocks == 16);
    assert_true(p->gas_limit == 600000000 && p->genesis_time == 0 && s.account_count == 0 &&
                p->genesis_difficulty.w[0] == 2048);
    assert_string_equal(posw_params_preset_of(p), "ticket");
    round_trip(&s);
    posw_chain_spec_clear(&s);
}

/* ---- what is refused, and what is said ---- */

static const struct {
    const char *text, *says; /* the key, mostly */
    int code;
} bad[] = {
    {"", "not valid JSON", POSW_EPARSE},
    {"{", "line 1", POSW_EPARSE},
    {"[]", "object", POSW_EPARSE},
    {"17", "object", POSW_EPARSE},
    {MINIMAL "x", "not valid JSON", POSW_EPARSE},
    {"{\"name\":\"a\",\"name\":\"b\"}", "name is given twice", POSW_EPARSE},
    {"{}", "name is missing", POSW_EPARSE},
    {"{\"name\":\"a\"}", "ticker is missing", POSW_EPARSE},
    {"{\"name\":\"a\",\"ticker\":\"A\"}", "chainId is missing", POSW_EPARSE},
    {"{\"name\":\"a\",\"ticker\":\"A\",\"chainId\":1}", "timestamp is missing", POSW_EPARSE},
    {WITH("\"colour\":1"), "colour is not a key", POSW_EPARSE},
    {WITH("\"weight\":{\"slotz\":1}"), "weight.slotz is not a key", POSW_EPARSE},
    {WITH("\"fees\":{\"tail\":\"1 coin\"}"), "fees.tail is not a key", POSW_EPARSE},
    {WITH("\"difficulty\":5"), "difficulty is a number", POSW_EPARSE},
    {WITH("\"reward\":null"), "reward is null", POSW_EPARSE},
    {"{\"name\":5,\"ticker\":\"A\"}", "name is a number", POSW_EPARSE},
    {"{\"name\":\"\",\"ticker\":\"A\"}", "name has 0 bytes", POSW_EINVAL},
    {"{\"name\":\"123456789012345678901234567890123\",\"ticker\":\"A\"}", "name has 33 bytes", POSW_EINVAL},
    {"{\"name\":\"a\\nb\",\"ticker\":\"A\"}", "name has a control", POSW_EINVAL},
    {"{\"name\":\"a\",\"ticker\":\"abc\"}", "ticker is \"abc\"", POSW_EINVAL},
    {"{\"name\":\"a\",\"ticker\":\"\"}", "ticker", POSW_EINVAL},
    {"{\"name\":\"a\",\"ticker\":\"ABCDEFG\"}", "ticker", POSW_EINVAL},
    {"{\"name\":\"a\",\"ticker\":\"A\",\"chainId\":0,\"timestamp\":1}", "chainId is 0", POSW_EINVAL},
    {"{\"name\":\"a\",\"ticker\":\"A\",\"chainId\":2147483630,\"timestamp\":1}", "chainId is 2147483630", POSW_EINVAL},
    {"{\"name\":\"a\",\"ticker\":\"A\",\"chainId\":-1,\"timestamp\":1}", "chainId is negative", POSW_EPARSE},
    {"{\"name\":\"a\",\"ticker\":\"A\",\"chainId\":1.0,\"timestamp\":1}", "chainId is a number with a fraction",
     POSW_EPARSE},
    {"{\"name\":\"a\",\"ticker\":\"A\",\"chainId\":\"x\",\"timestamp\":1}", "chainId is \"x\"", POSW_EPARSE},
    {"{\"name\":\"a\",\"ticker\":\"A\",\"chainId\":1,\"timestamp\":\"18446744073709551616\"}", "timestamp is 2^64",
     POSW_EINVAL},
    {WITH("\"blockTime\":0"), "blockTime is 0", POSW_EINVAL},
    {WITH("\"blockTime\":3601"), "blockTime", POSW_EINVAL},
    {WITH("\"blockTime\":true"), "blockTime is a boolean", POSW_EPARSE},
    {WITH("\"window\":1"), "window", POSW_EINVAL},
    {WITH("\"window\":65537"), "window", POSW_EINVAL},
    {WITH("\"epoch\":0"), "epoch", POSW_EINVAL},
    {WITH("\"epoch\":65537"), "epoch", POSW_EINVAL},
    {WITH("\"maxReorg\":0"), "maxReorg", POSW_EINVAL},
    {WITH("\"maxReorg\":1009"), "maxReorg", POSW_EINVAL},
    {WITH("\"unbonding\":2015"), "unbonding", POSW_EINVAL},
    {WITH("\"unbonding\":16777217"), "unbonding", POSW_EINVAL},
    {WITH("\"window\":65536"), "unbonding", POSW_EINVAL},
    {WITH("\"pow\":\"sha256\""), "pow is \"sha256\": choose one of keccak256, argon2id, randomx", POSW_EINVAL},
    {WITH("\"pow\":1"), "pow is a number", POSW_EPARSE},
    {WITH("\"difficulty\":{\"rule\":\"lwma\"}"),
     "difficulty.rule is \"lwma\": choose one of asert, fixed, lwma3, bitcoin2016, homestead, step, asert-lag",
     POSW_EINVAL},
    {WITH("\"difficulty\":{\"blocks\":60}"), "difficulty.blocks has no meaning under the rule \"asert-lag\"",
     POSW_EINVAL},
    {WITH("\"difficulty\":{\"rule\":\"step\",\"blocks\":60}"),
     "difficulty.blocks has no meaning under the rule \"step\"", POSW_EINVAL},
    {WITH("\"difficulty\":{\"rule\":\"homestead\",\"halfLife\":60}"),
     "difficulty.halfLife has no meaning under the rule \"homestead\"", POSW_EINVAL},
    {WITH("\"difficulty\":{\"rule\":\"lwma3\",\"halfLife\":60}"),
     "difficulty.halfLife has no meaning under the rule \"lwma3\"", POSW_EINVAL},
    {WITH("\"difficulty\":{\"rule\":\"lwma3\",\"blocks\":5}"), "difficulty.blocks is 5", POSW_EINVAL},
    {WITH("\"difficulty\":{\"rule\":\"lwma3\",\"blocks\":0}"), "difficulty.blocks is 0", POSW_EINVAL},
    {WITH("\"difficulty\":{\"rule\":\"lwma3\",\"blocks\":1025}"), "difficulty.blocks is 1025", POSW_EINVAL},
    {WITH("\"difficulty\":{\"rule\":\"lwma3\",\"blocks\":60},\"window\":59"), "from 6 to 59", POSW_EINVAL},
    {WITH("\"difficulty\":{\"rule\":\"lwma3\"},\"window\":5"), "window is 5", POSW_EINVAL},
    {WITH("\"difficulty\":{\"rule\":\"bitcoin2016\",\"blocks\":1}"), "difficulty.blocks is 1", POSW_EINVAL},
    {WITH("\"difficulty\":{\"rule\":\"bitcoin2016\",\"blocks\":2017}"), "difficulty.blocks is 2017", POSW_EINVAL},
    {WITH("\"difficulty\":{\"rule\":\"bitcoin2016\",\"blocks\":\"x\"}"), "difficulty.blocks", POSW_EPARSE},
    {WITH("\"difficulty\":{\"halfLife\":0}"), "difficulty.halfLife", POSW_EINVAL},
    {WITH("\"difficulty\":{\"rule\":\"fixed\",\"halfLife\":5}"),
     "difficulty.halfLife has no meaning under the rule \"fixed\"", POSW_EINVAL},
    {WITH("\"difficulty\":{\"genesis\":\"0\"}"), "difficulty.genesis", POSW_EINVAL},
    {WITH("\"difficulty\":{\"genesis\":\"1e9\"}"), "difficulty.genesis", POSW_EPARSE},
    {WITH("\"difficulty\":{\"genesis\":[]}"), "difficulty.genesis is a list", POSW_EPARSE},
    {WITH("\"weight\":{\"preset\":\"cube\"}"), "weight.preset is \"cube\"", POSW_EINVAL},
    {WITH("\"weight\":{\"preset\":\"linear\",\"rule\":\"power\"}"), "weight.preset and weight.rule", POSW_EINVAL},
    {WITH("\"weight\":{\"rule\":\"luck\"}"), "weight.rule", POSW_EINVAL},
    {WITH("\"weight\":{\"rule\":\"power\"}"), "weight.unit is missing", POSW_EPARSE},
    {WITH("\"weight\":{\"rule\":\"ticket\",\"boost\":1}"), "weight.slots is missing", POSW_EPARSE},
    {WITH("\"weight\":{\"rule\":\"ticket\",\"boost\":1,\"slots\":2}"), "weight.price is missing", POSW_EPARSE},
    {WITH("\"weight\":{\"preset\":\"ticket\",\"unit\":\"1 coin\"}"),
     "weight.unit has no meaning under the rule \"ticket\"", POSW_EINVAL},
    {WITH("\"weight\":{\"preset\":\"linear\",\"slots\":1}"), "weight.slots has no meaning under the rule \"power\"",
     POSW_EINVAL},
    {WITH("\"weight\":{\"preset\":\"ticket\",\"exponent\":\"1\"}"), "weight.exponent has no meaning", POSW_EINVAL},
    {WITH("\"weight\":{\"preset\":\"linear\",\"exponent\":\"2.5\"}"), "weight.exponent", POSW_EINVAL},
    {WITH("\"weight\":{\"preset\":\"linear\",\"exponent\":4}"), "weight.exponent", POSW_EINVAL},
    {WITH("\"weight\":{\"preset\":\"linear\",\"exponent\":0.5}"), "weight.exponent", POSW_EPARSE},
    {WITH("\"weight\":{\"preset\":\"linear\",\"unit\":\"0 coin\"}"), "weight.unit", POSW_EINVAL},
    {WITH("\"weight\":{\"preset\":\"linear\",\"min\":0}"), "weight.min", POSW_EINVAL},
    {WITH("\"weight\":{\"preset\":\"linear\",\"min\":5,\"max\":4}"), "weight.max", POSW_EINVAL},
    {WITH("\"weight\":{\"boost\":0}"), "weight.boost", POSW_EINVAL},
    {WITH("\"weight\":{\"slots\":0}"), "weight.slots", POSW_EINVAL},
    {WITH("\"weight\":{\"ramp\":4294967296}"), "weight.ramp", POSW_EINVAL},
    {WITH("\"weight\":{\"price\":\"340282366920938463463374607431768211456 wei\"}"), "weight.price", POSW_EINVAL},
    {WITH("\"stake\":{\"minimum\":\"0 coin\"}"), "stake.minimum", POSW_EINVAL},
    {WITH("\"stake\":{\"minimum\":1}"), "stake.minimum is a number", POSW_EPARSE},
    {WITH("\"stake\":{\"minimum\":\"1\"}"), "stake.minimum is \"1\": write an amount with its unit", POSW_EPARSE},
    {WITH("\"stake\":{\"minimum\":\"05 coin\"}"), "stake.minimum is \"05 coin\": write it without the leading zero",
     POSW_EPARSE},
    {WITH("\"stake\":{\"minimum\":\"00.5 coin\"}"), "stake.minimum is \"00.5 coin\": write it without the leading",
     POSW_EPARSE},
    {WITH("\"stake\":{\"minimum\":\"0x5 coin\"}"), "stake.minimum is \"0x5 coin\": write an amount", POSW_EPARSE},
    {WITH("\"epoch\":\"05\""), "epoch is \"05\": write it without the leading zero", POSW_EPARSE},
    {WITH("\"epoch\":\"00\""), "epoch is \"00\": write it without the leading zero", POSW_EPARSE},
    {WITH("\"epoch\":\"0x5\""), "epoch is \"0x5\": write a whole number", POSW_EPARSE},
    {WITH("\"stake\":{\"minimum\":\"1 coinz\"}"), "stake.minimum", POSW_EPARSE},
    {WITH("\"stake\":{\"minimum\":\"-1 coin\"}"), "stake.minimum", POSW_EPARSE},
    {WITH("\"reward\":{\"initial\":\"400000000 coin\",\"halving\":0}"), "reward.initial", POSW_EINVAL},
    {WITH("\"reward\":{\"halving\":1099511627776}"), "reward.halving", POSW_EINVAL},
    {WITH("\"reward\":{\"treasury\":\"0x12\"}"), "reward.treasury", POSW_EPARSE},
    {WITH("\"reward\":{\"treasuryShare\":10}"), "reward.treasury is missing", POSW_EINVAL},
    {WITH("\"reward\":{\"treasury\":\"" A1 "\",\"treasuryShare\":10001}"), "reward.treasuryShare", POSW_EINVAL},
    {WITH("\"fees\":{\"base\":\"keep\"}"), "fees.base", POSW_EINVAL},
    {WITH("\"fees\":{\"base\":\"pool\"}"), "fees.poolBlocks is missing", POSW_EINVAL},
    {WITH("\"fees\":{\"poolBlocks\":5}"), "fees.poolBlocks has no meaning", POSW_EINVAL},
    {WITH("\"fees\":{\"base\":\"pool\",\"poolBlocks\":1099511627776}"), "fees.poolBlocks", POSW_EINVAL},
    {WITH("\"fees\":{\"minimum\":\"0 wei\"}"), "fees.minimum", POSW_EINVAL},
    {WITH("\"fees\":{\"initial\":\"1 wei\"}"), "fees.initial is below", POSW_EINVAL},
    {WITH("\"fees\":{\"initial\":\"100 coin\"}"), "fees.initial is 2^64 wei", POSW_EINVAL},
    {WITH("\"gasLimit\":4999"), "gasLimit", POSW_EINVAL},
    {WITH("\"gasLimit\":\"9223372036854775808\""), "gasLimit", POSW_EINVAL},
    {WITH("\"accounts\":[]"), "accounts is a list", POSW_EPARSE},
    {WITH("\"accounts\":{\"0x12\":\"1 coin\"}"), "accounts", POSW_EPARSE},
    {WITH("\"accounts\":{\"" A1 "\":5}"), "accounts." A1 " is a number", POSW_EPARSE},
    {WITH("\"accounts\":{\"" A1 "\":\"1 coin\",\"0x00000000000000000000000000000000000000A1\":\"1 coin\"}"), "twice",
     POSW_EINVAL},
    {WITH("\"accounts\":{\"" A1 "\":\"1 coin\",\"" A1 "\":\"1 coin\"}"), A1 " is given twice", POSW_EPARSE},
    {WITH("\"accounts\":{\"" A1 "\":\"400000000000000000000 coin\"}"), "2^128", POSW_EINVAL},
    {WITH("\"stakes\":{}"), "stakes is an object", POSW_EPARSE},
    {WITH("\"stakes\":[5]"), "stakes[0] is a number", POSW_EPARSE},
    {WITH("\"stakes\":[{}]"), "stakes[0].miner is missing", POSW_EPARSE},
    {WITH("\"stakes\":[{\"miner\":\"" A1 "\",\"owner\":\"" A1 "\"}]"), "stakes[0].amount is missing", POSW_EPARSE},
    {WITH("\"stakes\":[{\"miner\":\"" A1 "\",\"owner\":\"" A1 "\",\"amount\":\"5 coin\",\"x\":1}]"),
     "stakes[0].x is not a key", POSW_EPARSE},
    {WITH("\"stakes\":[{\"miner\":\"" A1 "\",\"owner\":7,\"amount\":\"5 coin\"}]"), "stakes[0].owner", POSW_EPARSE},
    {WITH("\"stakes\":[{\"miner\":\"" A1 "\",\"owner\":\"" A1 "\",\"amount\":\"5\"}]"), "stakes[0].amount",
     POSW_EPARSE},
    {WITH("\"stakes\":[{\"miner\":\"" A1 "\",\"owner\":\"" A1 "\",\"amount\":\"1 wei\"}]"), "minimum", POSW_EINVAL},
    {WITH("\"upgrades\":{}"), "upgrades is an object", POSW_EPARSE},
    {WITH("\"upgrades\":[7]"), "upgrades[0] is a number", POSW_EPARSE},
    {WITH("\"upgrades\":[{\"name\":\"up\",\"gasLimit\":6000}]"), "upgrades[0].height is missing", POSW_EPARSE},
    {WITH("\"upgrades\":[{\"height\":5,\"gasLimit\":6000}]"), "upgrades[0].name is missing", POSW_EPARSE},
    {WITH("\"upgrades\":[{\"height\":5,\"name\":7,\"gasLimit\":6000}]"), "upgrades[0].name is a number", POSW_EPARSE},
    {WITH("\"upgrades\":[{\"height\":5,\"name\":\"\",\"gasLimit\":6000}]"), "upgrades[0].name has 0 bytes",
     POSW_EINVAL},
    {WITH("\"upgrades\":[{\"height\":0,\"name\":\"up\",\"gasLimit\":6000}]"),
     "upgrades[0].height is 0: write a number from 1", POSW_EINVAL},
    {WITH("\"upgrades\":[{\"height\":-1,\"name\":\"up\"}]"), "upgrades[0].height is negative", POSW_EPARSE},
    {WITH("\"upgrades\":[{\"height\":1099511627776,\"name\":\"up\",\"gasLimit\":6000}]"), "to 1099511627775",
     POSW_EINVAL},
    {WITH(UP ",\"gasLimit\":6000},{\"height\":5,\"name\":\"b\",\"gasLimit\":6001}]"),
     "upgrades[1].height is 5: write a number from 6", POSW_EINVAL},
    {WITH(UP "}]"), "upgrades[0] changes nothing", POSW_EINVAL},
    {WITH(UP ",\"fees\":{},\"reward\":{}}]"), "upgrades[0] changes nothing", POSW_EINVAL},
    {WITH(UP ",\"gasLimit\":30000000}]"), "upgrades[0] changes nothing", POSW_EINVAL},
    {WITH(UP ",\"reward\":{\"treasury\":\"" A1 "\"}}]"), "upgrades[0] changes nothing", POSW_EINVAL},
    {WITH(UP ",\"window\":6000}]"), "upgrades[0].window is nothing that an upgrade can change", POSW_EPARSE},
    {WITH(UP ",\"fees\":{\"initial\":\"2 gwei\"}}]"), "upgrades[0].fees.initial is nothing", POSW_EPARSE},
    {WITH(UP ",\"reward\":{\"tail\":\"2 gwei\"}}]"), "upgrades[0].reward.tail is nothing", POSW_EPARSE},
    {WITH(UP ",\"fees\":5}]"), "upgrades[0].fees is a number", POSW_EPARSE},
    {WITH(UP ",\"reward\":[]}]"), "upgrades[0].reward is a list", POSW_EPARSE},
    {WITH(UP ",\"gasLimit\":4999}]"), "upgrades[0].gasLimit is 4999", POSW_EINVAL},
    {WITH(UP ",\"gasLimit\":\"9223372036854775808\"}]"), "upgrades[0].gasLimit", POSW_EINVAL},
    {WITH(UP ",\"gasLimit\":\"x\"}]"), "upgrades[0].gasLimit is \"x\"", POSW_EPARSE},
    {WITH(UP ",\"fees\":{\"minimum\":\"0 wei\"}}]"), "upgrades[0].fees.minimum is 0", POSW_EINVAL},
    {WITH(UP ",\"fees\":{\"minimum\":5}}]"), "upgrades[0].fees.minimum is a number", POSW_EPARSE},
    {WITH(UP ",\"fees\":{\"minimum\":\"100 coin\"}}]"), "upgrades[0].fees.minimum is 2^64 wei", POSW_EINVAL},
    {WITH(UP ",\"reward\":{\"treasury\":\"0x12\"}}]"), "upgrades[0].reward.treasury", POSW_EPARSE},
    {WITH(UP ",\"reward\":{\"treasuryShare\":10}}]"), "upgrades[0].reward.treasury is missing", POSW_EINVAL},
    {WITH(UP ",\"reward\":{\"treasuryShare\":\"x\"}}]"), "upgrades[0].reward.treasuryShare is \"x\"", POSW_EPARSE},
    {WITH(UP ",\"reward\":{\"treasury\":\"" A1 "\",\"treasuryShare\":10001}}]"), "upgrades[0].reward.treasuryShare",
     POSW_EINVAL},
    {WITH(UP ",\"reward\":{\"treasury\":\"0x00000000000000000000000000000000706f7377\",\"treasuryShare\":1}}]"),
     "upgrades[0].reward.treasury is the staking contract", POSW_EINVAL},
    {WITH("\"a\\u001b[2Jb\":1"), "a?[2Jb is not a key", POSW_EPARSE}, /* nothing that a terminal would act on */
};

static void mistakes(void **state) {
    (void)state;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(bad); i++) {
        posw_chain_spec s, untouched;
        posw_message msg = {{0}};
        memset(&s, 0x5a, sizeof s);
        untouched = s;
        const int rc = read_text(&s, bad[i].text, &msg);
        if (rc != bad[i].code || strstr(msg.text, bad[i].says) == NULL)
            fail_msg("%s\n-> %d: %s", bad[i].text, rc, msg.text);
        assert_memory_equal(&s, &untouched, sizeof s);
        assert_int_equal(read_text(&s, bad[i].text, NULL), rc);
    }
}

/* ---- limits ---- */

static void append_accounts(posw_buf *b, size_t count) {
    posw_buf_text(b, "{" HEAD ",\"accounts\":{");
    for (size_t i = 0; i < count; i++)
        posw_buf_printf(b, "%s\"0x%040zx\":\"1 coin\"", i == 0 ? "" : ",", i + 1);
    posw_buf_text(b, "}}");
}

static void limits(void **state) {
    (void)state;
    posw_buf b = {0};
    posw_chain_spec s = {0};
    posw_message msg = {{0}};
    append_accounts(&b, POSW_GENESIS_ACCOUNTS_MAX);
    assert_int_equal(posw_chainfile_read(&s, (const char *)b.data, b.size, &msg), POSW_OK);
    assert_int_equal(s.account_count, POSW_GENESIS_ACCOUNTS_MAX);
    posw_chain_spec_clear(&s);
    posw_buf_reset(&b);
    append_accounts(&b, POSW_GENESIS_ACCOUNTS_MAX + 1);
    assert_int_equal(posw_chainfile_read(&s, (const char *)b.data, b.size, &msg), POSW_EINVAL);
    assert_non_null(strstr(msg.text, "accounts has 65537"));
    posw_buf_reset(&b);
    memset(posw_buf_extend(&b, POSW_CHAINFILE_SIZE_MAX + 1), ' ', POSW_CHAINFILE_SIZE_MAX + 1);
    assert_int_equal(posw_chainfile_read(&s, (const char *)b.data, b.size, &msg), POSW_EINVAL);
    memset(b.data, '[', b.size); /* deep nesting */
    assert_int_equal(posw_chainfile_read(&s, (const char *)b.data, POSW_CHAINFILE_SIZE_MAX, &msg), POSW_EPARSE);
    posw_buf_clear(&b);
}

static void upgrades_at_most(void **state) {
    (void)state;
    for (unsigned count = 0; count <= POSW_UPGRADES_MAX + 1; count++) {
        posw_buf b = {0};
        posw_chain_spec s = {0};
        posw_message msg = {{0}};
        posw_buf_text(&b, "{" HEAD ",\"upgrades\":[");
        for (unsigned i = 0; i < count; i++)
            posw_buf_printf(&b, "%s{\"height\":%u,\"name\":\"n\",\"gasLimit\":%u}", i == 0 ? "" : ",", 7 * i + 1,
                            9000 + i);
        posw_buf_text(&b, "]}");
        const int rc = posw_chainfile_read(&s, (const char *)b.data, b.size, &msg);
        assert_int_equal(rc, count <= POSW_UPGRADES_MAX ? POSW_OK : POSW_EINVAL);
        if (rc == POSW_OK) {
            assert_int_equal(s.params.upgrade_count, count);
            round_trip(&s);
        } else {
            assert_non_null(strstr(msg.text, "upgrades has 17 members: at most 16"));
        }
        posw_chain_spec_clear(&s);
        posw_buf_clear(&b);
    }
}

/* ---- warnings ---- */

typedef struct {
    posw_buf text;
    size_t count;
} warnings;

static void collect(void *arg, const char *sentence) {
    warnings *w = arg;
    w->count++;
    posw_buf_text(&w->text, sentence);
    posw_buf_byte(&w->text, '\n');
}

static warnings warnings_of(const char *text) {
    posw_chain_spec s;
    warnings w = {0};
    read_ok(&s, text);
    posw_chainfile_warnings(&s, collect, &w);
    posw_buf_byte(&w.text, 0);
    posw_chain_spec_clear(&s);
    return w;
}

static void expect_warning(const char *text, const char *says) {
    warnings w = warnings_of(text);
    if (strstr((const char *)w.text.data, says) == NULL) fail_msg("%s\n-> %s", text, w.text.data);
    posw_buf_clear(&w.text);
}

static void unwise_things(void **state) {
    (void)state;
    warnings good =
        warnings_of(WITH("\"weight\":{\"preset\":\"ticket\",\"ramp\":50000},\"accounts\":{\"" A1 "\":\"1 coin\"},"
                         "\"stakes\":[{\"miner\":\"" A1 "\",\"owner\":\"" A1 "\",\"amount\":\"5 coin\"}]"));
    if (good.count != 0) fail_msg("%s", good.text.data);
    posw_buf_clear(&good.text);
    expect_warning(MINIMAL, "stakes");
    static const char *const rules[] = {"asert", "fixed", "lwma3", "bitcoin2016", "homestead", "step"};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(rules); i++) {
        char text[256], says[64];
        snprintf(text, sizeof text, WITH("\"difficulty\":{\"rule\":\"%s\"}"), rules[i]);
        snprintf(says, sizeof says, "difficulty.rule \"%s\"", rules[i]);
        expect_warning(text, says);
    }
    expect_warning(WITH("\"difficulty\":{\"halfLife\":15}"), "the lag of \"asert-lag\", a sixteenth of it, is none");
    warnings lagged = warnings_of(WITH("\"difficulty\":{\"halfLife\":16}"));
    assert_null(strstr((const char *)lagged.text.data, "difficulty.halfLife"));
    posw_buf_clear(&lagged.text);
    expect_warning(WITH("\"pow\":\"keccak256\""), "pow");
    expect_warning(WITH("\"weight\":{\"preset\":\"quadratic\"}"), "weight.exponent");
    expect_warning(WITH("\"weight\":{\"preset\":\"linear\"}"), "weight.rule");
    expect_warning(WITH("\"weight\":{\"preset\":\"pow\"}"), "counts for nothing");
    expect_warning(WITH("\"window\":20"), "window");
    expect_warning(WITH("\"epoch\":8,\"maxReorg\":4"), "epoch");
    expect_warning(WITH("\"epoch\":8,\"maxReorg\":4"), "maxReorg");
    expect_warning(WITH("\"unbonding\":2016"), "unbonding");
    expect_warning(WITH("\"blockTime\":1"), "blockTime");
    expect_warning(WITH("\"gasLimit\":20000"), "gasLimit");
    expect_warning("{\"name\":\"a\",\"ticker\":\"ETH\",\"chainId\":1,\"timestamp\":5}", "ticker");
    expect_warning("{\"name\":\"a\",\"ticker\":\"ETH\",\"chainId\":1,\"timestamp\":5}", "chainId");
    expect_warning("{\"name\":\"a\",\"ticker\":\"ETH\",\"chainId\":1,\"timestamp\":5}", "timestamp");
}

/* A warning where, and only where, the difficulty of the second block is D0 again whenever it comes (D6, D7), or cannot
 * rise for good (D4: what 150 % and 108 % leave as it is). */
static void stuck_difficulty(void **state) {
    (void)state;
    static const struct {
        const char *rule;
        unsigned genesis;
        bool stuck;
    } cases[] = {{"homestead", 1, true}, {"homestead", 2047, true}, {"homestead", 2048, false},
                 {"step", 9, true},      {"step", 10, false},       {"lwma3", 1, true},
                 {"lwma3", 2, false},    {"asert", 1, false},       {"bitcoin2016", 1, false}};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        char text[256];
        posw_chain_spec s;
        const posw_u256 d = posw_u256_from_u64(cases[i].genesis);
        snprintf(text, sizeof text, WITH("\"difficulty\":{\"rule\":\"%s\",\"genesis\":%u}"), cases[i].rule,
                 cases[i].genesis);
        read_ok(&s, text);
        const posw_header genesis = {.difficulty = d, .timestamp = s.params.genesis_time};
        const enum posw_difficulty_rule rule = s.params.difficulty_rule;
        if (rule == POSW_DIFFICULTY_HOMESTEAD || rule == POSW_DIFFICULTY_STEP) {
            bool moves = false;
            for (uint64_t after = 1; after < 2000; after++) {
                const posw_u256 next = posw_difficulty_next(&s.params, NULL, &genesis, genesis.timestamp + after);
                if (!posw_u256_equal(&next, &d)) moves = true;
            }
            assert_int_equal(moves, !cases[i].stuck);
        }
        posw_chain_spec_clear(&s);
        warnings w = warnings_of(text);
        if ((strstr((const char *)w.text.data, "never moves it") != NULL) != cases[i].stuck)
            fail_msg("%s\n-> %s", text, w.text.data);
        posw_buf_clear(&w.text);
    }
    expect_warning(WITH("\"difficulty\":{\"rule\":\"homestead\"}"), "never moves it"); /* the default is 1024 */
}

/* A warning where, and only where, the difficulty of blocks a second apart does not double within three thousand. */
static void short_block_times(void **state) {
    (void)state;
    enum { BLOCKS = 3000 };
    for (int rule = POSW_DIFFICULTY_ASERT; rule <= POSW_DIFFICULTY_ASERT_LAG; rule++)
        for (unsigned block_time = 1; block_time <= 4; block_time++) {
            char text[256];
            posw_chain_spec s;
            const char *name = posw_difficulty_name((enum posw_difficulty_rule)rule);
            snprintf(text, sizeof text,
                     WITH("\"blockTime\":%u,\"window\":100,\"difficulty\":{\"rule\":\"%s\",\"genesis\":\"1000000\"}"),
                     block_time, name);
            read_ok(&s, text);
            const posw_params *p = &s.params;
            void *memory = aligned_alloc(16, (posw_window_size(p->window_blocks, 0) + 15) / 16 * 16);
            assert_non_null(memory);
            posw_window *w = posw_window_init(memory, p->window_blocks, 0, UINT64_MAX);
            posw_header tip = {.difficulty = p->genesis_difficulty, .timestamp = p->genesis_time};
            posw_u256 twice = posw_u256_from_u64(2000000);
            bool doubles = false;
            for (unsigned i = 0; i < BLOCKS && !doubles; i++) {
                posw_window_push(w, &(posw_window_entry){.timestamp = tip.timestamp, .difficulty = tip.difficulty});
                tip.difficulty = posw_difficulty_next(p, w, &tip, tip.timestamp + 1);
                tip.number++;
                tip.timestamp++;
                doubles = posw_u256_cmp(&tip.difficulty, &twice) >= 0;
            }
            free(memory);
            posw_chain_spec_clear(&s);
            warnings got = warnings_of(text);
            const bool warned = strstr((const char *)got.text.data, "no block can be early") != NULL;
            if (warned != (!doubles && rule != POSW_DIFFICULTY_FIXED)) fail_msg("%s\n-> %s", text, got.text.data);
            posw_buf_clear(&got.text);
        }
}

/* Tickets of genesis, of 2016 in a window: 10 % of the coins are 806 of them, 30 % more than all, 0.5 % are 40. */
static void scarce_tickets(void **state) {
    (void)state;
    static const char SCARCE[] = "fewer tickets than a window has blocks";
    static const struct {
        const char *weight, *owned, *staked;
        bool warns;
    } cases[] = {{"\"preset\":\"ticket\"", "900", "100", true},
                 {"\"preset\":\"ticket\"", "700", "300", false},
                 {"\"preset\":\"ticket\"", "995", "5", false},
                 {"\"preset\":\"ticket\",\"ramp\":50000", "900", "100", false},
                 {"\"preset\":\"linear\"", "900", "100", false}};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        char text[512];
        snprintf(text, sizeof text,
                 WITH("\"weight\":{%s},\"accounts\":{\"" A1 "\":\"%s coin\"},"
                      "\"stakes\":[{\"miner\":\"" A1 "\",\"owner\":\"" A1 "\",\"amount\":\"%s coin\"}]"),
                 cases[i].weight, cases[i].owned, cases[i].staked);
        warnings w = warnings_of(text);
        if ((strstr((const char *)w.text.data, SCARCE) != NULL) != cases[i].warns)
            fail_msg("%s\n-> %s", text, w.text.data);
        posw_buf_clear(&w.text);
    }
}

/* What makes a rule's protection cheap to have, one step beyond and one before. */
static void cheap_protection(void **state) {
    (void)state;
    static const char TICKETS[] = "a ticket for every block", POOL[] = "fees.poolBlocks is below 16";
    static const struct {
        const char *more, *says;
        bool warns;
    } cases[] = {{"\"weight\":{\"preset\":\"ticket\",\"slots\":17}", TICKETS, true},
                 {"\"weight\":{\"preset\":\"ticket\",\"slots\":16}", TICKETS, false},
                 {"\"weight\":{\"preset\":\"ticket\",\"slots\":17,\"price\":\"1 coin\"}", TICKETS, false},
                 {"\"window\":256,\"weight\":{\"preset\":\"ticket\",\"price\":\"0.244140625 coin\"}", TICKETS, false},
                 {"\"window\":256,\"weight\":{\"preset\":\"ticket\",\"price\":\"0.244140624 coin\"}", TICKETS, true},
                 {"\"weight\":{\"preset\":\"linear\"}", TICKETS, false},
                 {"\"fees\":{\"base\":\"pool\",\"poolBlocks\":15}", POOL, true},
                 {"\"fees\":{\"base\":\"pool\",\"poolBlocks\":16}", POOL, false},
                 {"\"fees\":{\"base\":\"burn\"}", POOL, false}};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        char text[512];
        snprintf(text, sizeof text, WITH("%s,\"accounts\":{\"" A1 "\":\"1000 coin\"}"), cases[i].more);
        warnings w = warnings_of(text);
        if ((strstr((const char *)w.text.data, cases[i].says) != NULL) != cases[i].warns)
            fail_msg("%s\n-> %s", text, w.text.data);
        posw_buf_clear(&w.text);
    }
}

/* 65,536 places: with 1,310,720 coins a minimum of 1 coin makes them a twentieth of all. */
static void cheap_places(void **state) {
    (void)state;
    static const char PLACES[] = "65536 coins, less than a twentieth of all, take every place in the list of miners";
    static const struct {
        const char *more, *says;
    } cases[] = {{"\"accounts\":{\"" A1 "\":\"1310720 coin\"}", NULL},
                 {"\"accounts\":{\"" A1 "\":\"1310721 coin\"}", PLACES},
                 {"\"accounts\":{\"" A1 "\":\"13107200 coin\"}", "give at least 10 coin"},
                 {"\"accounts\":{\"" A1 "\":\"13107200 coin\"},\"stake\":{\"minimum\":\"10 coin\"}", NULL},
                 {"\"accounts\":{\"" A1 "\":\"13107200 coin\"},\"weight\":{\"preset\":\"pow\"}", NULL}};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        char text[512];
        snprintf(text, sizeof text, WITH("%s"), cases[i].more);
        warnings w = warnings_of(text);
        const char *says = cases[i].says == NULL ? "stake.minimum is low" : cases[i].says;
        if ((strstr((const char *)w.text.data, says) != NULL) != (cases[i].says != NULL))
            fail_msg("%s\n-> %s", text, w.text.data);
        posw_buf_clear(&w.text);
    }
}

/* ---- chance ---- */

static void random_upgrades(posw_params *p, uint64_t *random) {
    uint64_t height = 0;
    posw_rules rules = posw_params_rules(p, 0);
    p->upgrade_count = (uint32_t)random_below(random, 5);
    for (uint32_t i = 0; i < p->upgrade_count; i++) {
        posw_upgrade *u = &p->upgrades[i];
        height += 1 + random_below(random, 100);
        const uint64_t what = 1 + random_below(random, 7);
        if (what & 1) rules.gas_limit += 1 + random_below(random, 100);
        if (what & 2) rules.base_fee_min_wei = rules.base_fee_min_wei / 2 + 1 + random_below(random, 1000000);
        if (what & 4) rules.treasury_share = (rules.treasury_share + 1 + (uint32_t)random_below(random, 9999)) % 10001;
        if (what & 4 && random_below(random, 2) == 0) random_bytes(random, rules.treasury.b, sizeof rules.treasury.b);
        *u = (posw_upgrade){.height = height, .name = "up", .rules = rules};
        if (what == 2) rules.gas_limit = ++u->rules.gas_limit; /* a fee may come out as it was */
    }
}

static posw_chain_spec random_spec(uint64_t *random) {
    posw_chain_spec s = {.name = "random", .ticker = "RND"};
    posw_params *p = &s.params;
    posw_params_default(p);
    const char *const *presets = posw_params_presets();
    assert_true(posw_params_preset(p, presets[random_below(random, 7)]));
    p->chain_id = 1 + random_below(random, 2147483629);
    p->genesis_time = random_next(random);
    p->block_time_s = 1 + random_below(random, 3600);
    p->epoch_blocks = 1 + random_below(random, 5000);
    p->reorg_max_blocks = 1 + random_below(random, p->epoch_blocks);
    p->unbonding_blocks = 2 * p->epoch_blocks + random_below(random, 10000) + 2016;
    p->pow = (enum posw_pow_algorithm)random_below(random, 3);
    p->difficulty_rule = (enum posw_difficulty_rule)random_below(random, 7);
    p->difficulty_blocks =
        p->difficulty_rule == POSW_DIFFICULTY_LWMA3 ? 6 + random_below(random, 251) : 2 + random_below(random, 255);
    p->genesis_difficulty =
        (posw_u256){{random_next(random), random_next(random), random_next(random), random_next(random)}};
    if (random_below(random, 2) == 0 && p->weight.rule == POSW_WEIGHT_TICKET) {
        p->weight.boost = random_next(random) | 1;
        p->weight.ticket_price_wei.w[0] = random_next(random) >> random_below(random, 64);
    }
    if (random_below(random, 2) == 0 && p->weight.rule == POSW_WEIGHT_POWER)
        p->weight.unit_wei.w[0] = random_next(random) | 1;
    p->stake_min_wei.w[0] = 1 + (random_next(random) >> random_below(random, 64) >> 1);
    p->reward_initial_wei.w[0] = random_next(random) >> random_below(random, 64);
    p->base_fee_min_wei = 1 + (random_next(random) >> 1 >> random_below(random, 63));
    p->base_fee_initial_wei = p->base_fee_min_wei + random_below(random, 1000);
    p->treasury_share = (uint32_t)random_below(random, 10001);
    random_bytes(random, p->treasury.b, sizeof p->treasury.b);
    if (random_below(random, 2) == 0) {
        p->fee_rule = POSW_FEE_POOL;
        p->pool_blocks = 1 + random_below(random, 100000);
    }
    random_upgrades(p, random);
    s.account_count = s.stake_count = random_below(random, 4);
    s.accounts = calloc(s.account_count + 1, sizeof *s.accounts);
    s.stakes = calloc(s.stake_count + 1, sizeof *s.stakes);
    for (size_t i = 0; i < s.account_count; i++) {
        random_bytes(random, s.accounts[i].address.b, 20);
        s.accounts[i].balance_wei.w[0] = random_next(random) >> random_below(random, 64);
        random_bytes(random, s.stakes[i].miner.b, 20);
        random_bytes(random, s.stakes[i].owner.b, 20);
        s.stakes[i].amount_wei.w[0] = p->stake_min_wei.w[0] + random_below(random, 1000);
    }
    return s;
}

static void random_round_trips(void **state) {
    (void)state;
    uint64_t random = 7;
    for (int i = 0; i < 500; i++) {
        posw_chain_spec s = random_spec(&random);
        round_trip(&s);
        posw_chain_spec_clear(&s);
    }
}

/* A changed file is refused with a sentence, or means something that is written back canonically. */
static void mutations(void **state) {
    (void)state;
    static const char alphabet[] = "{}[]\",:0123456789.-eaxcoinwg \\u";
    uint64_t random = 11;
    unsigned accepted = 0;
    char text[sizeof full];
    for (int i = 0; i < 20000; i++) {
        memcpy(text, full, sizeof full);
        for (uint64_t k = 1 + random_below(&random, 3); k > 0; k--)
            text[random_below(&random, sizeof full - 1)] = alphabet[random_below(&random, sizeof alphabet - 1)];
        posw_chain_spec s = {0};
        posw_message msg = {{0}};
        if (posw_chainfile_read(&s, text, sizeof full - 1, &msg) != POSW_OK) {
            assert_true(msg.text[0] != '\0');
            continue;
        }
        accepted++;
        round_trip(&s);
        posw_chain_spec_clear(&s);
    }
    assert_true(accepted > 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(every_key),
        cmocka_unit_test(weight_forms),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(limits),
        cmocka_unit_test(upgrades_at_most),
        cmocka_unit_test(checksummed_addresses),
        cmocka_unit_test(development_chain),
        cmocka_unit_test(unwise_things),
        cmocka_unit_test(stuck_difficulty),
        cmocka_unit_test(short_block_times),
        cmocka_unit_test(scarce_tickets),
        cmocka_unit_test(cheap_protection),
        cmocka_unit_test(cheap_places),
        cmocka_unit_test(random_round_trips),
        cmocka_unit_test(mutations),
        cmocka_unit_test(difficulty_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
