#include "io/tls.h"

#include "base/bytes.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    CERTIFICATE_MAX = 1024, /* ours has about 240 bytes */
    MESSAGES_FREE = 16,     /* of the protocol after the handshake (key updates, tickets), and one more for each ... */
    MESSAGE_BYTES = 1 << 20 /* ... of data */
};
/* A key encrypts so many records at most before the next: well below the bound of AES-GCM (RFC 8446 section 5.5). */
static const uint64_t KEY_RECORDS_MAX = 1 << 22;

static const uint8_t ALPN[] = {6, 'p', 'o', 's', 'w', '/', '1'};

struct posw_tls_context {
    SSL_CTX *ssl;
    BIO_METHOD *bio;
    bool any_protocol;
    uint8_t pin[POSW_FINGERPRINT_SIZE];
};

struct posw_tls {
    SSL *ssl;
    bool server, any_protocol;
    enum posw_tls_state state;
    posw_node_id expected, peer;
    const uint8_t *in; /* what is being fed */
    size_t in_size;
    posw_buf out;
    uint64_t bytes_in, messages; /* heard; messages: of the protocol, after the handshake */
    uint64_t key_records;        /* encrypted with the key in use */
    char reason[POSW_TLS_REASON_SIZE];
};

/* ---- The wire, as OpenSSL sees it: reads take from what is being fed, writes append to the output ---- */

static int wire_read(BIO *b, char *out, size_t size, size_t *done) {
    posw_tls *t = BIO_get_data(b);
    BIO_clear_retry_flags(b);
    if (t->in_size == 0) {
        BIO_set_retry_read(b);
        return 0;
    }
    if (size > t->in_size) size = t->in_size;
    memcpy(out, t->in, size);
    t->in += size;
    t->in_size -= size;
    t->bytes_in += size;
    *done = size;
    return 1;
}

static int wire_write(BIO *b, const char *data, size_t size, size_t *done) {
    posw_tls *t = BIO_get_data(b);
    BIO_clear_retry_flags(b);
    posw_buf_append(&t->out, data, size);
    *done = t->out.failed ? 0 : size;
    return t->out.failed ? 0 : 1;
}

static long wire_control(BIO *b, int command, long number, void *arg) {
    (void)b, (void)number, (void)arg;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *wire_method(void) {
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "posw wire");
    if (m != NULL && BIO_meth_set_read_ex(m, wire_read) == 1 && BIO_meth_set_write_ex(m, wire_write) == 1 &&
        BIO_meth_set_ctrl(m, wire_control) == 1)
        return m;
    BIO_meth_free(m);
    return NULL;
}

/* ---- Failure: the first reason stays ---- */

__attribute__((format(printf, 2, 3))) static void because(posw_tls *t, const char *format, ...) {
    va_list args;
    if (t->reason[0] != '\0') return;
    va_start(args, format);
    (void)vsnprintf(t->reason, sizeof t->reason, format, args);
    va_end(args);
}

/* What the library's reason means for a person. */
static void explain(posw_tls *t) {
    unsigned long e = ERR_peek_error();
    int reason = ERR_GET_REASON(e);
    bool ours = ERR_GET_LIB(e) == ERR_LIB_SSL;
    if (t->out.failed)
        because(t, "out of memory");
    else if (ours && (reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION ||
                      reason == SSL_R_VERSION_TOO_LOW))
        because(t, "not a posw node: no TLS 1.3");
    else if (ours && (reason == SSL_R_NO_APPLICATION_PROTOCOL || reason == SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL))
        because(t, "not a posw node: another protocol inside TLS");
    else if (ours && (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE))
        because(t, "not a posw node: no certificate");
    else if (ours && reason > SSL_AD_REASON_OFFSET)
        because(t, "refused by the other side (TLS alert %d)", reason - SSL_AD_REASON_OFFSET);
    else if (t->state == POSW_TLS_OPEN)
        because(t, "the encrypted stream is damaged");
    else if (ours && (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST ||
                      reason == SSL_R_HTTPS_PROXY_REQUEST || reason == SSL_R_UNEXPECTED_MESSAGE ||
                      reason == SSL_R_BAD_PROTOCOL_VERSION_NUMBER))
        because(t, "not a posw node: no TLS");
    else
        because(t, "the TLS handshake failed (%s)",
                e != 0 && ERR_reason_error_string(e) != NULL ? ERR_reason_error_string(e) : "no reason");
}

static enum posw_tls_state fail(posw_tls *t) {
    explain(t);
    ERR_clear_error();
    t->state = POSW_TLS_FAILED;
    return t->state;
}

/* ---- Who the other is ---- */

static posw_tls *of_ssl(const SSL *ssl) {
    return SSL_get_app_data(ssl);
}

/* Instead of the library's walk over chains, names and dates. That the other owns the key, the handshake proves. */
static int verify(X509_STORE_CTX *store, void *arg) {
    (void)arg;
    posw_tls *t = of_ssl(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    X509 *leaf = X509_STORE_CTX_get0_cert(store);
    EVP_PKEY *key = X509_get0_pubkey(leaf);
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    if (sk_X509_num(X509_STORE_CTX_get0_untrusted(store)) != 1)
        because(t, "not a posw node: more than one certificate");
    else if (key == NULL || !posw_identity_id_of_key(&t->peer, key))
        because(t, "not a posw node: the certificate has another kind of key than Ed25519");
    else if (X509_verify(leaf, key) != 1)
        because(t, "not a posw node: the certificate is not signed by its own key");
    else if (!posw_hash_is_zero((const posw_hash *)&t->expected) && memcmp(&t->peer, &t->expected, sizeof t->peer) != 0)
        because(t, "another node id than expected");
    else {
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return 1;
    }
    return 0;
}

static int verify_pin(X509_STORE_CTX *store, void *arg) {
    const posw_tls_context *c = arg;
    uint8_t got[EVP_MAX_MD_SIZE];
    unsigned size;
    if (X509_digest(X509_STORE_CTX_get0_cert(store), EVP_sha256(), got, &size) == 1 && size == sizeof c->pin &&
        memcmp(got, c->pin, size) == 0)
        return 1;
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    because(of_ssl(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx())), "another fingerprint");
    return 0;
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_size, const unsigned char *in,
                           unsigned in_size, void *arg) {
    (void)ssl, (void)arg;
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, out_size, ALPN, sizeof ALPN, in, in_size) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* Each message of the handshake's kind costs hashing, so one who sends them for ever is stopped (see feed). */
static void on_message(int sent, int version, int type, const void *data, size_t size, SSL *ssl, void *arg) {
    (void)version, (void)data, (void)size, (void)arg;
    posw_tls *t = of_ssl(ssl);
    if (!sent && type == SSL3_RT_HANDSHAKE && t->state == POSW_TLS_OPEN) t->messages++;
}

/* ---- The context ---- */

static bool set_up(SSL_CTX *c) {
    SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_msg_callback(c, on_message);
    return SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(c, TLS1_3_VERSION) == 1 && SSL_CTX_set_num_tickets(c, 0) == 1 &&
           SSL_CTX_set_max_early_data(c, 0) == 1 && SSL_CTX_set_recv_max_early_data(c, 0) == 1;
}

static bool show(SSL_CTX *c, const posw_identity *id) {
    return SSL_CTX_use_PrivateKey(c, posw_identity_key(id)) == 1 &&
           SSL_CTX_use_certificate(c, posw_identity_certificate(id)) == 1;
}

static bool set_up_peer(posw_tls_context *context, const posw_identity *id) {
    SSL_CTX *c = context->ssl;
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(c, verify, NULL);
    SSL_CTX_set_alpn_select_cb(c, choose_protocol, NULL);
    SSL_CTX_set_max_cert_list(c, CERTIFICATE_MAX);
    return SSL_CTX_set_ciphersuites(c, "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256") == 1 &&
           SSL_CTX_set1_groups_list(c, "X25519") == 1 && SSL_CTX_set1_sigalgs_list(c, "ed25519") == 1 &&
           SSL_CTX_set1_client_sigalgs_list(c, "ed25519") == 1 && SSL_CTX_set_alpn_protos(c, ALPN, sizeof ALPN) == 0 &&
           show(c, id);
}

static int finish(posw_tls_context **out, posw_tls_context *c, bool good) {
    ERR_clear_error();
    if (!good) {
        posw_tls_context_free(c);
        return POSW_ENOMEM;
    }
    *out = c;
    return POSW_OK;
}

static posw_tls_context *context_new(void) {
    posw_tls_context *c = calloc(1, sizeof *c);
    if (c == NULL) return NULL;
    c->ssl = SSL_CTX_new(TLS_method());
    c->bio = wire_method();
    if (c->ssl != NULL && c->bio != NULL && set_up(c->ssl)) return c;
    posw_tls_context_free(c);
    return NULL;
}

int posw_tls_context_new(posw_tls_context **out, const posw_identity *id) {
    posw_tls_context *c = context_new();
    return finish(out, c, c != NULL && set_up_peer(c, id));
}

int posw_tls_door_context_new(posw_tls_context **out, const posw_identity *id) {
    posw_tls_context *c = context_new();
    if (c != NULL) c->any_protocol = true;
    return finish(out, c, c != NULL && SSL_CTX_set1_groups_list(c->ssl, "X25519:P-256") == 1 && show(c->ssl, id));
}

int posw_tls_pinned_context_new(posw_tls_context **out, const uint8_t fingerprint[POSW_FINGERPRINT_SIZE]) {
    posw_tls_context *c = context_new();
    if (c == NULL) return finish(out, c, false);
    c->any_protocol = true;
    memcpy(c->pin, fingerprint, sizeof c->pin);
    SSL_CTX_set_verify(c->ssl, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(c->ssl, verify_pin, c);
    return finish(out, c, true);
}

void posw_tls_context_free(posw_tls_context *c) {
    if (c == NULL) return;
    SSL_CTX_free(c->ssl);
    BIO_meth_free(c->bio);
    free(c);
}

/* ---- The connection ---- */

static bool protocol_agreed(const posw_tls *t) {
    const unsigned char *name;
    unsigned size;
    SSL_get0_alpn_selected(t->ssl, &name, &size);
    return size == sizeof ALPN - 1 && memcmp(name, ALPN + 1, size) == 0;
}

static enum posw_tls_state shake_hands(posw_tls *t) {
    ERR_clear_error();
    int n = SSL_do_handshake(t->ssl);
    if (n == 1) {
        if (t->any_protocol || protocol_agreed(t)) return t->state = POSW_TLS_OPEN;
        because(t, "not a posw node: another protocol inside TLS"); /* one that names no protocol is not asked to */
        return fail(t);
    }
    if (SSL_get_error(t->ssl, n) != SSL_ERROR_WANT_READ) return fail(t);
    if (t->bytes_in < POSW_TLS_HANDSHAKE_BYTES_MAX) return t->state;
    because(t, "the TLS handshake is too long");
    return fail(t);
}

int posw_tls_new(posw_tls **out, posw_tls_context *c, bool server, const posw_node_id *expected) {
    posw_tls *t = calloc(1, sizeof *t);
    if (t == NULL) return POSW_ENOMEM;
    t->ssl = SSL_new(c->ssl);
    BIO *wire = BIO_new(c->bio);
    t->server = server;
    t->any_protocol = c->any_protocol;
    if (expected != NULL) t->expected = *expected;
    if (t->ssl == NULL || wire == NULL || SSL_set_app_data(t->ssl, t) != 1) {
        BIO_free(wire);
        posw_tls_free(t);
        return POSW_ENOMEM;
    }
    BIO_set_data(wire, t);
    BIO_set_init(wire, 1);
    SSL_set_bio(t->ssl, wire, wire);
    if (server)
        SSL_set_accept_state(t->ssl);
    else
        SSL_set_connect_state(t->ssl);
    if (shake_hands(t) == POSW_TLS_FAILED) {
        posw_tls_free(t);
        return POSW_ENOMEM;
    }
    *out = t;
    return POSW_OK;
}

void posw_tls_free(posw_tls *t) {
    if (t == NULL) return;
    SSL_free(t->ssl);
    posw_buf_clear(&t->out);
    free(t);
}

/* One record's content. False: no more for now, or the end. */
static bool read_record(posw_tls *t, posw_buf *plain) {
    size_t size = 0;
    if (!posw_buf_reserve(plain, POSW_TLS_RECORD_MAX)) {
        because(t, "out of memory");
        fail(t);
        return false;
    }
    int n = SSL_read_ex(t->ssl, plain->data + plain->size, POSW_TLS_RECORD_MAX, &size);
    plain->size += size;
    if (t->messages > MESSAGES_FREE + t->bytes_in / MESSAGE_BYTES) {
        because(t, "too many TLS messages without data");
        fail(t);
        return false;
    }
    if (n == 1) return true;
    int error = SSL_get_error(t->ssl, n);
    if (error == SSL_ERROR_ZERO_RETURN)
        t->state = POSW_TLS_CLOSED;
    else if (error != SSL_ERROR_WANT_READ)
        fail(t);
    return false;
}

enum posw_tls_state posw_tls_feed(posw_tls *t, const uint8_t *data, size_t size, posw_buf *plain) {
    t->in = data;
    t->in_size = size;
    if (t->state == POSW_TLS_HANDSHAKE) (void)shake_hands(t);
    if (t->state == POSW_TLS_OPEN) {
        ERR_clear_error();
        while (read_record(t, plain)) {
        }
    }
    t->in = NULL;
    t->in_size = 0;
    return t->state;
}

enum posw_tls_state posw_tls_state_now(const posw_tls *t) {
    return t->state;
}

bool posw_tls_write(posw_tls *t, const uint8_t *data, size_t size) {
    size_t done;
    POSW_ASSERT(t->state == POSW_TLS_OPEN);
    if (size == 0) return true;
    ERR_clear_error();
    t->key_records += 1 + size / POSW_TLS_RECORD_MAX;
    if (t->key_records > KEY_RECORDS_MAX) {
        t->key_records = 0;
        if (SSL_key_update(t->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1) return fail(t) == POSW_TLS_OPEN;
    }
    /* All is written: the wire takes everything but when memory is out. */
    if (SSL_write_ex(t->ssl, data, size, &done) == 1 && done == size) return true;
    return fail(t) == POSW_TLS_OPEN;
}

void posw_tls_close(posw_tls *t) {
    if (t->state != POSW_TLS_OPEN && t->state != POSW_TLS_CLOSED) return;
    ERR_clear_error();
    (void)SSL_shutdown(t->ssl);
    ERR_clear_error();
}

posw_buf *posw_tls_output(posw_tls *t) {
    return &t->out;
}

posw_node_id posw_tls_peer_id(const posw_tls *t) {
    return t->peer;
}

const char *posw_tls_reason(const posw_tls *t) {
    return t->reason;
}
