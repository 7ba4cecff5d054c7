/* A light client: checks a chain of headers with stake proofs against a chain file, with nothing but libposw.
 *
 *      light-client CHAIN.json HEADERS.txt [NOW]
 *
 * HEADERS.txt has a line for each header from genesis on: the header in hexadecimal, a blank, and its stake proof or
 * "-" (examples/fetch-headers.py writes it from a running node). NOW: the clock in seconds since 1970, if not this
 * machine's. Exit code 0: every header holds. */
#include <posw/posw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef WITH_SODIUM
#include <sodium.h>

/* argon2id (rule H6) is one call of libsodium. */
static bool argon2id(void *scratch, posw_hash *out, const posw_hash *key, const uint8_t input[POSW_POW_INPUT_SIZE]) {
    (void)scratch, (void)key;
    return crypto_pwhash(out->b, sizeof out->b, (const char *)input, POSW_POW_INPUT_SIZE, input, 3, 512 * 1024,
                         crypto_pwhash_ALG_ARGON2ID13) == 0;
}
#endif

enum { BATCH = 256, LINE_SIZE = 2 * (POSW_HEADER_SIZE_MAX + POSW_STAKE_PROOF_SIZE_MAX) + 8 };

static void fail(const char *sentence) {
    fprintf(stderr, "light-client: %s\n", sentence);
    exit(2);
}

static const posw_pow *engine(enum posw_pow_algorithm algorithm) {
    if (algorithm == POSW_POW_KECCAK256) return posw_pow_keccak256();
#ifdef WITH_SODIUM
    static const posw_pow engine = {"argon2id", argon2id, NULL, NULL};
    if (algorithm == POSW_POW_ARGON2ID && sodium_init() >= 0) return &engine;
#endif
    fail("this build has no engine for the chain's proof of work");
    return NULL;
}

static posw_params read_params(const char *path) {
    FILE *file = fopen(path, "rb");
    char *text = malloc(POSW_CHAINFILE_SIZE_MAX), message[POSW_CHAINFILE_MESSAGE_SIZE];
    if (file == NULL || text == NULL) fail("the chain file cannot be read");
    const size_t size = fread(text, 1, POSW_CHAINFILE_SIZE_MAX, file);
    fclose(file);
    posw_params params;
    if (posw_params_read(&params, NULL, text, size, message, sizeof message) != POSW_CHAINFILE_OK) fail(message);
    free(text);
    return params;
}

static int digit(char c) {
    const char *digits = "0123456789abcdef", *at = c == '\0' ? NULL : strchr(digits, c);
    return at == NULL ? -1 : (int)(at - digits);
}

/* Digits up to anything else; returns the number of bytes and moves on. */
static size_t read_hex(uint8_t *out, size_t size_max, const char **text) {
    size_t size = 0;
    for (; size < size_max && digit((*text)[0]) >= 0 && digit((*text)[1]) >= 0; *text += 2)
        out[size++] = (uint8_t)(16 * digit((*text)[0]) + digit((*text)[1]));
    return size;
}

static void fail_at(size_t line, const char *what) {
    char sentence[96];
    snprintf(sentence, sizeof sentence, "line %zu: %s; was the file cut?", line, what);
    fail(sentence);
}

/* False at the end of the file. */
static bool read_item(FILE *file, posw_header *header, posw_stake_proof *proof, posw_light_item *item) {
    static char line[LINE_SIZE];
    static uint8_t bytes[POSW_STAKE_PROOF_SIZE_MAX];
    static size_t number;
    if (fgets(line, sizeof line, file) == NULL) return false;
    number++;
    const char *at = line;
    size_t size = read_hex(bytes, POSW_HEADER_SIZE_MAX, &at);
    if (!posw_header_decode(header, bytes, size) || *at++ != ' ') fail_at(number, "the header is malformed (rule H1)");
    *item = (posw_light_item){header, NULL};
    if (*at == '-' || proof == NULL) return true;
    size = read_hex(bytes, sizeof bytes, &at);
    if (!posw_stake_proof_decode(proof, bytes, size)) fail_at(number, "the stake proof is malformed (rule E5)");
    item->proof = proof;
    return true;
}

/* A batch from the file; how many there were. */
static size_t read_batch(FILE *file, posw_light_item items[BATCH]) {
    static posw_header headers[BATCH];
    static posw_stake_proof proofs[BATCH];
    size_t count = 0;
    while (count < BATCH && read_item(file, &headers[count], &proofs[count], &items[count]))
        count++;
    return count;
}

static posw_light start(const posw_params *p, FILE *file) {
    posw_header genesis;
    posw_light_item item;
    const size_t size = posw_window_size(p->window_blocks, p->reorg_max_blocks);
    void *memory = aligned_alloc(16, (size + 15) / 16 * 16);
    if (memory == NULL || !read_item(file, &genesis, NULL, &item)) fail("the file of headers is empty");
    posw_window *window =
        posw_window_init(memory, p->window_blocks, p->reorg_max_blocks, 2 * p->window_blocks * p->block_time_s);
    posw_light light;
    if (!posw_light_init(&light, p, window, engine(p->pow), NULL, &genesis))
        fail("the first header is not the genesis header of this chain file (rule G2)");
    return light;
}

static void print_tip(const posw_light *light, size_t boosted) {
    char weight[POSW_U256_DEC_SIZE];
    posw_u256_to_dec(weight, &light->weight);
    printf("%llu headers hold, %zu of them boosted by stake; weight %s; tip 0x", (unsigned long long)light->tip.number,
           boosted, weight);
    for (size_t i = 0; i < sizeof light->tip_hash.b; i++)
        printf("%02x", light->tip_hash.b[i]);
    puts("");
}

int main(int argc, char **argv) {
    if (argc < 3) fail("usage: light-client CHAIN.json HEADERS.txt [NOW]");
    const posw_params params = read_params(argv[1]);
    FILE *file = fopen(argv[2], "r");
    if (file == NULL) fail("the file of headers cannot be read");
    const uint64_t now_s = argc > 3 ? strtoull(argv[3], NULL, 10) : (uint64_t)time(NULL);
    posw_light light = start(&params, file);
    static posw_light_item items[BATCH];
    size_t boosted = 0;
    for (size_t count, accepted; (count = read_batch(file, items)) > 0;) {
        bool ok;
        const posw_verdict v = posw_light_extend(&ok, &accepted, &light, items, count, now_s);
        for (size_t i = 0; i < accepted; i++)
            boosted += posw_seal_boosted(&items[i].header->mix_hash, &items[i].header->difficulty);
        if (!ok) fail("the proof of work could not be computed");
        if (v.kind == POSW_VALID) continue;
        printf("header %llu is %s by rule %s: %s\n", (unsigned long long)light.tip.number + 1,
               v.kind == POSW_INVALID ? "refused" : "not accepted yet", posw_rule_number(v.rule),
               posw_rule_text(v.rule));
        return 1;
    }
    print_tip(&light, boosted);
    fclose(file);
    free(light.window);
    return 0;
}
