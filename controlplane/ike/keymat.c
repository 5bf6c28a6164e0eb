// IKEv1 key derivation. Control core, with its own ike_crypto. Every intermediate secret is wiped
// before a function returns; what the caller gets is the caller's to wipe.
#include "keymat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "bytes.h"
#include "secret.h"

#define PARTS_MAX  6
#define PROTO_ESP  3   // RFC 2407, 4.4.1
#define KEYMAT_MAX 128 // bytes: the longest ESP keys (32 + 64) rounded up to whole hashes

static struct ike_chunk chunk(const void *data, size_t len)
{
	return (struct ike_chunk){data, len};
}

static bool is_long(const struct ike_suite *s)
{
	return suite_hash_len(s->hash) > IKE_HASH_USUAL;
}

const uint8_t *keymat_skeyid_a(const struct ike_suite *s, const struct ike1_keys *keys)
{
	return is_long(s) ? keys->long_skeyid->a : keys->skeyid.a;
}

const uint8_t *keymat_skeyid_d(const struct ike_suite *s, const struct ike1_keys *keys)
{
	return is_long(s) ? keys->long_skeyid->d : keys->skeyid.d;
}

void keymat_wipe(const struct ike_suite *s, struct ike1_keys *keys)
{
	if (is_long(s) && keys->long_skeyid) {
		secret_wipe(keys->long_skeyid, sizeof(*keys->long_skeyid));
		free(keys->long_skeyid);
	}
	secret_wipe(keys, sizeof(*keys));
}

// SKEYID_x = prf(SKEYID, [SKEYID_(x-1)] | g^xy | CKY-I | CKY-R | n)
static int derive_skeyid(struct ike_crypto *c, enum ike_hash hash, const struct ike1_phase1 *in,
                         const struct ike1_skeyid *skeyid, const uint8_t *before, uint8_t n,
                         uint8_t *out)
{
	const struct ike_chunk parts[] = {
		chunk(before, before ? skeyid->len : 0),
		in->secret,
		chunk(in->cookie_i, 8),
		chunk(in->cookie_r, 8),
		chunk(&n, 1),
	};

	return ike_crypto_prf(c, hash, skeyid->bytes, skeyid->len, parts, 5, out);
}

// RFC 2409, appendix B: if SKEYID_e is shorter than the key, Ka = K1 | K2 | ... with
// K1 = prf(SKEYID_e, 0), K2 = prf(SKEYID_e, K1).
static int stretch_key(struct ike_crypto *c, enum ike_hash hash, const uint8_t *skeyid_e,
                       size_t hash_len, uint8_t *key, size_t key_len)
{
	uint8_t block[IKE_HASH_MAX] = {0};
	struct ike_chunk part = chunk(block, 1);
	size_t done = 0;
	int err = 0;

	if (key_len <= hash_len) {
		memcpy(key, skeyid_e, key_len);
		return 0;
	}
	while (done < key_len && !err) {
		size_t n = key_len - done < hash_len ? key_len - done : hash_len;

		err = ike_crypto_prf(c, hash, skeyid_e, hash_len, &part, 1, block);
		memcpy(key + done, block, n);
		part.len = hash_len;
		done += n;
	}
	secret_wipe(block, sizeof(block));
	return err;
}

// Appendix B: the first IV is the hash of both public values, cut to the block.
static int phase1_iv(struct ike_crypto *c, const struct ike_suite *s, const struct ike1_phase1 *in,
                     struct ike1_keys *keys)
{
	const struct ike_chunk parts[] = {in->public_i, in->public_r};
	uint8_t out[IKE_HASH_MAX];
	int err = ike_crypto_hash(c, s->hash, parts, 2, out);

	if (!err)
		memcpy(keys->iv, out, suite_block_len(s->cipher));
	return err;
}

int keymat_phase1(struct ike_crypto *c, const struct ike_suite *s, const struct ike1_phase1 *in,
                  struct ike1_keys *keys, struct ike1_skeyid *skeyid)
{
	const struct ike_chunk nonces[] = {in->nonce_i, in->nonce_r};
	unsigned hash_len = suite_hash_len(s->hash), key_len = suite_key_len(s);
	uint8_t e[IKE_HASH_MAX], *a = keys->skeyid.a, *d = keys->skeyid.d;
	int err;

	if (!hash_len || !key_len || key_len > IKE_KEY_MAX)
		return -EINVAL;
	*keys = (struct ike1_keys){0};
	if (is_long(s)) {
		keys->long_skeyid = malloc(sizeof(*keys->long_skeyid));
		if (!keys->long_skeyid)
			return -ENOMEM;
		a = keys->long_skeyid->a;
		d = keys->long_skeyid->d;
	}
	skeyid->len = (uint8_t)hash_len;
	err = ike_crypto_prf(c, s->hash, in->psk.data, in->psk.len, nonces, 2, skeyid->bytes);
	err = err ? err : derive_skeyid(c, s->hash, in, skeyid, NULL, 0, d);
	err = err ? err : derive_skeyid(c, s->hash, in, skeyid, d, 1, a);
	err = err ? err : derive_skeyid(c, s->hash, in, skeyid, a, 2, e);
	err = err ? err : stretch_key(c, s->hash, e, hash_len, keys->key, key_len);
	err = err ? err : phase1_iv(c, s, in, keys);
	secret_wipe(e, sizeof(e));
	if (err) {
		keymat_wipe(s, keys);
		secret_wipe(skeyid, sizeof(*skeyid));
	}
	return err;
}

int keymat_hash_i(struct ike_crypto *c, const struct ike_suite *s, const struct ike1_phase1 *in,
                  const struct ike1_skeyid *skeyid, struct ike_chunk id_i, uint8_t *out)
{
	const struct ike_chunk parts[PARTS_MAX] = {
		in->public_i,           in->public_r, chunk(in->cookie_i, 8),
		chunk(in->cookie_r, 8), in->sa_i,     id_i,
	};

	return ike_crypto_prf(c, s->hash, skeyid->bytes, skeyid->len, parts, PARTS_MAX, out);
}

int keymat_hash_r(struct ike_crypto *c, const struct ike_suite *s, const struct ike1_phase1 *in,
                  const struct ike1_skeyid *skeyid, struct ike_chunk id_r, uint8_t *out)
{
	const struct ike_chunk parts[PARTS_MAX] = {
		in->public_r,           in->public_i, chunk(in->cookie_r, 8),
		chunk(in->cookie_i, 8), in->sa_i,     id_r,
	};

	return ike_crypto_prf(c, s->hash, skeyid->bytes, skeyid->len, parts, PARTS_MAX, out);
}

int keymat_phase2_iv(struct ike_crypto *c, const struct ike_suite *s, const struct ike1_keys *keys,
                     uint32_t message_id, uint8_t iv[IKE_BLOCK_MAX])
{
	uint8_t id[4], out[IKE_HASH_MAX];
	unsigned block_len = suite_block_len(s->cipher);
	const struct ike_chunk parts[] = {chunk(keys->iv, block_len), chunk(id, sizeof(id))};
	int err;

	bytes_put_u32(id, message_id);
	err = ike_crypto_hash(c, s->hash, parts, 2, out);
	if (!err)
		memcpy(iv, out, block_len);
	return err;
}

int keymat_phase2_hash(struct ike_crypto *c, const struct ike_suite *s,
                       const struct ike1_keys *keys, enum ike1_hash_kind kind, uint32_t message_id,
                       const struct ike1_quick *q, struct ike_chunk rest, uint8_t *out)
{
	static const uint8_t zero;
	struct ike_chunk parts[4];
	uint8_t id[4];
	unsigned n = 0;

	if (kind != IKE1_HASH_1 && !q)
		return -EINVAL;
	bytes_put_u32(id, message_id);
	if (kind == IKE1_HASH_3)
		parts[n++] = chunk(&zero, 1);
	parts[n++] = chunk(id, sizeof(id));
	if (kind != IKE1_HASH_1)
		parts[n++] = q->nonce_i;
	parts[n++] = kind == IKE1_HASH_3 ? q->nonce_r : rest;
	return ike_crypto_prf(c, s->hash, keymat_skeyid_a(s, keys), suite_hash_len(s->hash), parts,
	                      n, out);
}

// KEYMAT = K1 | K2 | ..., K1 = prf(SKEYID_d, [g(qm)^xy |] protocol | SPI | Ni_b | Nr_b),
// K2 = prf(SKEYID_d, K1 | the same).
static int expand_keymat(struct ike_crypto *c, const struct ike_suite *s,
                         const struct ike1_keys *keys, const struct ike1_quick *q, uint32_t spi,
                         uint8_t *out, size_t len)
{
	uint8_t block[IKE_HASH_MAX], protocol = PROTO_ESP, spi_bytes[4];
	struct ike_chunk parts[PARTS_MAX] = {
		chunk(block, 0),     q->secret,  chunk(&protocol, 1),
		chunk(spi_bytes, 4), q->nonce_i, q->nonce_r,
	};
	size_t done = 0, hash_len = suite_hash_len(s->hash);
	int err = 0;

	bytes_put_u32(spi_bytes, spi);
	while (done < len && !err) {
		size_t n = len - done < hash_len ? len - done : hash_len;

		err = ike_crypto_prf(c, s->hash, keymat_skeyid_d(s, keys), hash_len, parts,
		                     PARTS_MAX, block);
		memcpy(out + done, block, n);
		parts[0].len = hash_len;
		done += n;
	}
	secret_wipe(block, sizeof(block));
	return err;
}

int keymat_esp(struct ike_crypto *c, const struct ike_suite *s, const struct ike1_keys *keys,
               const struct ike1_quick *q, const struct esp_suite *esp, uint32_t spi,
               struct sa_spec *out)
{
	size_t key_len = suite_esp_key_len(esp), salt_len = suite_esp_salt_len(esp);
	size_t auth_len = sa_auth_key_len(esp->auth);
	uint8_t keymat[KEYMAT_MAX];
	int err;

	// Not a byte of key material would be an SA without protection (RFC 4301, 3.2).
	if (key_len > SA_KEY_MAX || key_len + salt_len + auth_len == 0 ||
	    suite_hash_len(s->hash) == 0)
		return -EINVAL;
	err = expand_keymat(c, s, keys, q, spi, keymat, key_len + salt_len + auth_len);
	if (!err) {
		out->cipher = esp->cipher;
		out->auth = esp->auth;
		out->mode = esp->mode;
		out->key_len = (uint16_t)key_len;
		out->spi = spi;
		memcpy(out->key, keymat, key_len);
		memcpy(out->salt, keymat + key_len, salt_len);
		memcpy(out->auth_key, keymat + key_len + salt_len, auth_len);
	}
	secret_wipe(keymat, sizeof(keymat));
	return err;
}

int keymat_nat_d(struct ike_crypto *c, enum ike_hash hash, const uint8_t cookie_i[8],
                 const uint8_t cookie_r[8], const struct ip_addr *addr, uint16_t port, uint8_t *out)
{
	uint8_t port_bytes[2];
	const struct ike_chunk parts[] = {
		chunk(cookie_i, 8),
		chunk(cookie_r, 8),
		chunk(addr->bytes, addr_size(addr->family)),
		chunk(port_bytes, 2),
	};

	bytes_put_u16(port_bytes, port);
	return ike_crypto_hash(c, hash, parts, 4, out);
}
