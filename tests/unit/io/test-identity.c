/* The node key: its file, and what it is refused for. */
#include "base/bytes.h"
#include "base/test.h"
#include "crypto/keccak.h"
#include "io/file.h"
#include "io/identity.h"
#include "io/temporary.h"

#include <openssl/x509.h>
#include <sys/stat.h>

typedef struct {
    char dir[TEMPORARY_SIZE], path[TEMPORARY_SIZE + 16];
} place;

static int setup(void **state) {
    place *p = calloc(1, sizeof *p);
    temporary_make_fast(p->dir);
    snprintf(p->path, sizeof p->path, "%s/node.key", p->dir);
    *state = p;
    return 0;
}

static int teardown(void **state) {
    place *p = *state;
    temporary_remove(p->dir);
    free(p);
    return 0;
}

static posw_node_id open_id(const char *path) {
    posw_identity *id = NULL;
    posw_message msg = {""};
    if (posw_identity_open(&id, path, &msg) != POSW_OK) fail_msg("%s", msg.text);
    const posw_node_id out = posw_identity_node_id(id);
    posw_identity_free(id);
    return out;
}

static void refused(const char *path, int code, const char *part) {
    posw_identity *id = NULL;
    posw_message msg = {""};
    assert_int_equal(posw_identity_open(&id, path, &msg), code);
    assert_null(id);
    if (strstr(msg.text, part) == NULL) fail_msg("'%s' does not say '%s'", msg.text, part);
    assert_null(strchr(msg.text, '\n'));
}

static void made_once_and_kept(void **state) {
    const place *p = *state;
    struct stat st;
    const posw_node_id first = open_id(p->path), again = open_id(p->path);
    assert_memory_equal(&first, &again, sizeof first);
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(remove(p->path), 0);
    const posw_node_id other = open_id(p->path);
    assert_memory_not_equal(&first, &other, sizeof first);
}

/* RFC 8032, section 7.1, test 1: secret and public key. */
static void the_id_is_the_hash_of_the_public_key(void **state) {
    (void)state;
    uint8_t seed[32], public[32];
    posw_hash expected;
    posw_identity *id;
    assert_true(posw_hex_decode(seed, 32, "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", 64));
    assert_true(posw_hex_decode(public, 32, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", 64));
    posw_keccak256(&expected, public, sizeof public);
    assert_int_equal(posw_identity_from_seed(&id, seed), POSW_OK);
    const posw_node_id got = posw_identity_node_id(id);
    assert_memory_equal(&got, &expected, 32);
    X509 *c = posw_identity_certificate(id);
    assert_int_equal(X509_verify(c, posw_identity_key(id)), 1);
    assert_int_equal(X509_self_signed(c, 1), 1);
    posw_identity_free(id);
    posw_identity_free(NULL);
}

/* Two runs of a node cannot be told apart by their certificates. */
static void the_certificate_is_always_the_same(void **state) {
    const place *p = *state;
    posw_identity *a, *b;
    uint8_t *der_a = NULL, *der_b = NULL;
    assert_int_equal(posw_identity_open(&a, p->path, NULL), POSW_OK);
    assert_int_equal(posw_identity_open(&b, p->path, NULL), POSW_OK);
    const int size = i2d_X509(posw_identity_certificate(a), &der_a);
    assert_true(size > 0);
    assert_int_equal(size, i2d_X509(posw_identity_certificate(b), &der_b));
    assert_memory_equal(der_a, der_b, size);
    OPENSSL_free(der_a);
    OPENSSL_free(der_b);
    posw_identity_free(a);
    posw_identity_free(b);
}

static void each_damage_is_noticed(void **state) {
    const place *p = *state;
    posw_buf good = {0};
    (void)open_id(p->path);
    assert_int_equal(posw_file_read(&good, p->path, 1000, NULL), POSW_OK);
    for (size_t i = 0; i < good.size; i++) {
        posw_buf bad = {0};
        posw_buf_append(&bad, good.data, good.size);
        bad.data[i] = bad.data[i] == '0' ? '1' : '0';
        assert_int_equal(posw_file_write(p->path, bad.data, bad.size, 0600, NULL), POSW_OK);
        refused(p->path, POSW_ECORRUPT, "damaged");
        assert_int_equal(posw_file_write(p->path, good.data, i, 0600, NULL), POSW_OK);
        refused(p->path, POSW_ECORRUPT, "damaged");
        posw_buf_clear(&bad);
    }
    posw_buf_byte(&good, '\n');
    assert_int_equal(posw_file_write(p->path, good.data, good.size, 0600, NULL), POSW_OK);
    refused(p->path, POSW_ECORRUPT, "delete it");
    posw_buf_clear(&good);
}

static void others_must_not_read_it(void **state) {
    const place *p = *state;
    const mode_t modes[] = {0640, 0604, 0660, 0602, 0777};
    (void)open_id(p->path);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(modes); i++) {
        assert_int_equal(chmod(p->path, modes[i]), 0);
        refused(p->path, POSW_EAUTH, "chmod 600");
    }
    assert_int_equal(chmod(p->path, 0400), 0);
    (void)open_id(p->path);
}

static void no_place_for_it(void **state) {
    const place *p = *state;
    char path[TEMPORARY_SIZE + 32];
    snprintf(path, sizeof path, "%s/no/node.key", p->dir);
    refused(path, POSW_ENOTFOUND, "No such file");
    assert_int_equal(chmod(p->dir, 0700), 0);
    refused(p->dir, POSW_EINVAL, "not a regular file");
    assert_int_equal(symlink("nowhere", p->path), 0);
    refused(p->path, POSW_ENOTFOUND, "node.key");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(made_once_and_kept),      TEST(the_id_is_the_hash_of_the_public_key),
        TEST(each_damage_is_noticed),  TEST(the_certificate_is_always_the_same),
        TEST(others_must_not_read_it), TEST(no_place_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
