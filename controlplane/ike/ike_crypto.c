// Hash, PRF and CBC over OpenSSL. One object a thread: its contexts are made at the start and only
// given new keys, which is what makes a DPD exchange cost microseconds. HMAC is written as two
// passes over the digest: EVP_MAC parses parameters for every key. The digests of the SHA family
// are called directly, though OpenSSL calls that deprecated: EVP allocates and frees a context each
// time, a sixth of all that an exchange costs.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "ike_crypto.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "secret.h"

#define HASHES         6 // enum ike_hash
#define HASH_BLOCK_MAX 128

enum cipher_slot { SLOT_3DES, SLOT_AES128, SLOT_AES192, SLOT_AES256, SLOTS };

struct ike_crypto {
	EVP_MD *md[HASHES];
	EVP_MD_CTX *md_ctx[HASHES];
	EVP_CIPHER *cipher[SLOTS];
	EVP_CIPHER_CTX *encrypt[SLOTS], *decrypt[SLOTS];
};

static int make_hash(struct ike_crypto *c, enum ike_hash hash, const char *name)
{
	c->md[hash] = EVP_MD_fetch(NULL, name, NULL);
	c->md_ctx[hash] = EVP_MD_CTX_new();
	if (!c->md[hash] || !c->md_ctx[hash] ||
	    EVP_DigestInit_ex(c->md_ctx[hash], c->md[hash], NULL) != 1)
		return -EIO;
	return 0;
}

// Without padding. Told to the cipher itself: EVP_CIPHER_CTX_set_padding() would be done again with
// each key.
static EVP_CIPHER_CTX *make_cipher_ctx(const EVP_CIPHER *cipher, int encrypt)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	unsigned none = 0;
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_uint(OSSL_CIPHER_PARAM_PADDING, &none),
		OSSL_PARAM_construct_end(),
	};

	if (ctx && EVP_CipherInit_ex(ctx, cipher, NULL, NULL, NULL, encrypt) == 1 &&
	    EVP_CIPHER_CTX_set_params(ctx, params) == 1)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

static int make_cipher(struct ike_crypto *c, enum cipher_slot slot, const char *name)
{
	c->cipher[slot] = EVP_CIPHER_fetch(NULL, name, NULL);
	if (!c->cipher[slot])
		return -EIO;
	c->encrypt[slot] = make_cipher_ctx(c->cipher[slot], 1);
	c->decrypt[slot] = make_cipher_ctx(c->cipher[slot], 0);
	return c->encrypt[slot] && c->decrypt[slot] ? 0 : -EIO;
}

struct ike_crypto *ike_crypto_create(void)
{
	struct ike_crypto *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return NULL;
	// A policy of the machine may take MD5 or 3DES away; the rest still works.
	make_hash(c, IKE_HASH_MD5, "MD5");
	make_cipher(c, SLOT_3DES, "DES-EDE3-CBC");
	err = make_hash(c, IKE_HASH_SHA1, "SHA1");
	err = err ? err : make_hash(c, IKE_HASH_SHA256, "SHA256");
	err = err ? err : make_hash(c, IKE_HASH_SHA384, "SHA384");
	err = err ? err : make_hash(c, IKE_HASH_SHA512, "SHA512");
	err = err ? err : make_cipher(c, SLOT_AES128, "AES-128-CBC");
	err = err ? err : make_cipher(c, SLOT_AES192, "AES-192-CBC");
	err = err ? err : make_cipher(c, SLOT_AES256, "AES-256-CBC");
	if (!err)
		return c;
	ike_crypto_destroy(c);
	errno = -err;
	return NULL;
}

void ike_crypto_destroy(struct ike_crypto *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < SLOTS; i++) {
		EVP_CIPHER_CTX_free(c->encrypt[i]);
		EVP_CIPHER_CTX_free(c->decrypt[i]);
		EVP_CIPHER_free(c->cipher[i]);
	}
	for (unsigned i = 0; i < HASHES; i++) {
		EVP_MD_CTX_free(c->md_ctx[i]);
		EVP_MD_free(c->md[i]);
	}
	free(c);
}

bool ike_crypto_has_cipher(const struct ike_crypto *c, enum ike_cipher cipher)
{
	switch (cipher) {
	case IKE_CIPHER_DES: // done with 3DES, see expand_des()
	case IKE_CIPHER_3DES:
		return c->encrypt[SLOT_3DES] && c->decrypt[SLOT_3DES];
	case IKE_CIPHER_AES:
		return true;
	default:
		return false;
	}
}

static int digest_by_evp(EVP_MD_CTX *ctx, const struct ike_chunk *prefix,
                         const struct ike_chunk *parts, unsigned n, uint8_t *out)
{
	if (!ctx)
		return -ENOTSUP;
	// No type: the context keeps the one that it was made with, and nothing is fetched.
	if (EVP_DigestInit_ex(ctx, NULL, NULL) != 1)
		return -EIO;
	if (prefix && EVP_DigestUpdate(ctx, prefix->data, prefix->len) != 1)
		return -EIO;
	for (unsigned i = 0; i < n; i++) {
		if (parts[i].len && EVP_DigestUpdate(ctx, parts[i].data, parts[i].len) != 1)
			return -EIO;
	}
	return EVP_DigestFinal_ex(ctx, out, NULL) == 1 ? 0 : -EIO;
}

// What each of the SHA family calls its three steps; SHA-384 is SHA-512 with another start.
#define DIGEST_BY(name, context, init, update, final)                                              \
	static int name(const struct ike_chunk *prefix, const struct ike_chunk *parts, unsigned n, \
	                uint8_t *out)                                                              \
	{                                                                                          \
		context ctx;                                                                       \
		int good = init(&ctx);                                                             \
                                                                                                   \
		if (prefix)                                                                        \
			good &= update(&ctx, prefix->data, prefix->len);                           \
		for (unsigned i = 0; i < n; i++)                                                   \
			if (parts[i].len)                                                          \
				good &= update(&ctx, parts[i].data, parts[i].len);                 \
		good &= final(out, &ctx);                                                          \
		secret_wipe(&ctx, sizeof(ctx));                                                    \
		return good ? 0 : -EIO;                                                            \
	}

DIGEST_BY(digest_sha1, SHA_CTX, SHA1_Init, SHA1_Update, SHA1_Final)
DIGEST_BY(digest_sha256, SHA256_CTX, SHA256_Init, SHA256_Update, SHA256_Final)
DIGEST_BY(digest_sha384, SHA512_CTX, SHA384_Init, SHA384_Update, SHA384_Final)
DIGEST_BY(digest_sha512, SHA512_CTX, SHA512_Init, SHA512_Update, SHA512_Final)

static int digest(struct ike_crypto *c, enum ike_hash hash, const struct ike_chunk *prefix,
                  const struct ike_chunk *parts, unsigned n, uint8_t *out)
{
	switch (hash) {
	case IKE_HASH_SHA1:
		return digest_sha1(prefix, parts, n, out);
	case IKE_HASH_SHA256:
		return digest_sha256(prefix, parts, n, out);
	case IKE_HASH_SHA384:
		return digest_sha384(prefix, parts, n, out);
	case IKE_HASH_SHA512:
		return digest_sha512(prefix, parts, n, out);
	default:
		return digest_by_evp(c->md_ctx[hash], prefix, parts, n, out);
	}
}

int ike_crypto_hash(struct ike_crypto *c, enum ike_hash hash, const struct ike_chunk *parts,
                    unsigned n, uint8_t *out)
{
	return digest(c, hash, NULL, parts, n, out);
}

// RFC 2104: a key longer than the block is hashed, a shorter one padded with zeros.
static int pad_key(struct ike_crypto *c, enum ike_hash hash, const void *key, size_t key_len,
                   uint8_t block[HASH_BLOCK_MAX], size_t block_len)
{
	struct ike_chunk whole = {key, key_len};

	memset(block, 0, block_len);
	if (key_len > block_len)
		return digest(c, hash, NULL, &whole, 1, block);
	if (key_len)
		memcpy(block, key, key_len);
	return 0;
}

static void xor_block(uint8_t *block, size_t len, uint8_t v)
{
	for (size_t i = 0; i < len; i++)
		block[i] ^= v;
}

int ike_crypto_prf(struct ike_crypto *c, enum ike_hash hash, const void *key, size_t key_len,
                   const struct ike_chunk *parts, unsigned n, uint8_t *out)
{
	size_t block_len = hash >= IKE_HASH_SHA384 ? 128 : 64;
	uint8_t block[HASH_BLOCK_MAX], inner[IKE_HASH_MAX];
	struct ike_chunk pad = {block, block_len}, last = {inner, suite_hash_len(hash)};
	int err = pad_key(c, hash, key, key_len, block, block_len);

	if (!err) {
		xor_block(block, block_len, 0x36);
		err = digest(c, hash, &pad, parts, n, inner);
	}
	if (!err) {
		xor_block(block, block_len, 0x36 ^ 0x5c);
		err = digest(c, hash, &pad, &last, 1, out);
	}
	secret_wipe(block, sizeof(block));
	secret_wipe(inner, sizeof(inner));
	return err;
}

static int slot_of(const struct ike_suite *s)
{
	if (s->cipher != IKE_CIPHER_AES)
		return s->cipher == IKE_CIPHER_NONE ? -ENOTSUP : SLOT_3DES;
	switch (s->key_bits) {
	case 128:
		return SLOT_AES128;
	case 192:
		return SLOT_AES192;
	case 256:
		return SLOT_AES256;
	default:
		return -ENOTSUP;
	}
}

// 3DES (EDE) with three times the same key is single DES, which saves the legacy provider.
static void expand_des(const uint8_t *key, uint8_t out[24])
{
	for (unsigned i = 0; i < 3; i++)
		memcpy(out + 8 * i, key, 8);
}

static int set_key(EVP_CIPHER_CTX *ctx, const struct ike_suite *s, const uint8_t *key,
                   const uint8_t *iv)
{
	uint8_t triple[24];
	int ok;

	if (s->cipher != IKE_CIPHER_DES)
		return EVP_CipherInit_ex(ctx, NULL, NULL, key, iv, -1) == 1 ? 0 : -EIO;
	expand_des(key, triple);
	ok = EVP_CipherInit_ex(ctx, NULL, NULL, triple, iv, -1);
	secret_wipe(triple, sizeof(triple));
	return ok == 1 ? 0 : -EIO;
}

static int run_cbc(EVP_CIPHER_CTX *ctx, const struct ike_suite *s, const uint8_t *key,
                   const uint8_t *iv, const uint8_t *in, uint8_t *out, size_t len)
{
	int n = 0, err;

	if (!ctx)
		return -ENOTSUP;
	err = set_key(ctx, s, key, iv);
	if (err)
		return err;
	if (EVP_CipherUpdate(ctx, out, &n, in, (int)len) != 1 || (size_t)n != len)
		return -EIO;
	return 0;
}

static int check_len(const struct ike_suite *s, size_t len)
{
	if (s->cipher == IKE_CIPHER_NONE || len == 0 || len > INT16_MAX ||
	    len % suite_block_len(s->cipher) != 0)
		return -EINVAL;
	return 0;
}

int ike_crypto_encrypt(struct ike_crypto *c, const struct ike_suite *s, const uint8_t *key,
                       uint8_t *iv, const uint8_t *in, uint8_t *out, size_t len)
{
	size_t block = suite_block_len(s->cipher);
	int slot = slot_of(s), err = check_len(s, len);

	if (err || slot < 0)
		return err ? err : slot;
	err = run_cbc(c->encrypt[slot], s, key, iv, in, out, len);
	if (!err)
		memcpy(iv, out + len - block, block);
	return err;
}

int ike_crypto_decrypt(struct ike_crypto *c, const struct ike_suite *s, const uint8_t *key,
                       uint8_t *iv, const uint8_t *in, uint8_t *out, size_t len)
{
	size_t block = suite_block_len(s->cipher);
	int slot = slot_of(s), err = check_len(s, len);
	uint8_t last[IKE_BLOCK_MAX];

	if (err || slot < 0)
		return err ? err : slot;
	memcpy(last, in + len - block, block); // before `out` may overwrite it
	err = run_cbc(c->decrypt[slot], s, key, iv, in, out, len);
	if (!err)
		memcpy(iv, last, block);
	return err;
}
