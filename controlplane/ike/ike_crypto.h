// The cryptography of IKE over OpenSSL's EVP, with contexts that are made once. One object a
// thread; nothing here is shared between threads. Errors of OpenSSL become -EIO.
#ifndef VIGIL_IKE_CRYPTO_H
#define VIGIL_IKE_CRYPTO_H

#include <stddef.h>

#include "suite.h"

struct ike_crypto;

// Bytes that somebody else owns: parts of what is hashed.
struct ike_chunk {
	const void *data;
	size_t len;
};

// NULL with errno. MD5 and (3)DES may be missing where the machine's OpenSSL forbids them: then
// functions return -ENOTSUP for them and ike_crypto_has_cipher() says no.
struct ike_crypto *ike_crypto_create(void);
void ike_crypto_destroy(struct ike_crypto *c);
bool ike_crypto_has_cipher(const struct ike_crypto *c, enum ike_cipher cipher);

// Hash of the parts one after the other. `out` takes suite_hash_len() bytes. 0 or -errno.
int ike_crypto_hash(struct ike_crypto *c, enum ike_hash hash, const struct ike_chunk *parts,
                    unsigned n, uint8_t *out);
// The pseudo-random function of IKEv1: HMAC of the negotiated hash (RFC 2409, 4). 0 or -errno.
int ike_crypto_prf(struct ike_crypto *c, enum ike_hash hash, const void *key, size_t key_len,
                   const struct ike_chunk *parts, unsigned n, uint8_t *out);
// CBC over `len` bytes, a multiple of the block, without padding; `in` may be `out`. `iv` takes one
// block and becomes the last block of ciphertext, the IV of the next message (RFC 2409, appendix
// B). 0, -EINVAL (length), -ENOTSUP (no such cipher here) or -EIO.
int ike_crypto_encrypt(struct ike_crypto *c, const struct ike_suite *s, const uint8_t *key,
                       uint8_t *iv, const uint8_t *in, uint8_t *out, size_t len);
int ike_crypto_decrypt(struct ike_crypto *c, const struct ike_suite *s, const uint8_t *key,
                       uint8_t *iv, const uint8_t *in, uint8_t *out, size_t len);

#endif
