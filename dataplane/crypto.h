// ESP cryptography of a burst through ipsec-mb. [W] Each worker has one struct crypto of its own.
// Every call ends flushed: no job outlives it, so nothing waits when an SA is deleted.
#ifndef VIGIL_DATAPLANE_CRYPTO_H
#define VIGIL_DATAPLANE_CRYPTO_H

#include <rte_prefetch.h>

#include "sa.h"

#define CRYPTO_BURST   128u // IMB_MAX_BURST_SIZE
#define CRYPTO_KEY_MIN 16u  // bytes
#define CRYPTO_KEY_MAX 32u
#define CRYPTO_AHEAD   12u // packets, see below
#define CRYPTO_IV_POOL 4096u
#define CRYPTO_IV_MAX  (CRYPTO_BURST * 16)

struct crypto;

// One packet: at `esp` the ESP header, then the IV, `text_len` bytes of text and room for the ICV,
// all in one piece.
struct crypto_item {
	struct sa *sa;
	uint8_t *esp;
	uint32_t text_len; // a multiple of sa->align, not 0
	uint32_t seq_hi;   // upper half of an extended sequence number; of other SAs not looked at
	bool ok;           // result: encrypted, or decrypted and the ICV holds
};

// NULL and errno: ENOMEM, ENOTSUP (the CPU lacks what ipsec-mb needs, or its self-test failed).
struct crypto *crypto_create(void);
void crypto_destroy(struct crypto *c);

// Keys that it has expanded so far: SAs with AES-GCM that had a first packet. [any]
uint64_t crypto_warmed(const struct crypto *c);

// An SA's bits in the `engines` of a burst. A cold one may be warm before its turn comes.
static inline unsigned crypto_engine(const struct sa *sa)
{
	const unsigned cold = 1u << SA_ENGINE_COLD | 1u << SA_ENGINE_COLD_ESN;
	unsigned bit = 1u << sa->engine;

	return bit | (bit & cold) >> (SA_ENGINE_COLD - SA_ENGINE_GCM);
}

// Encrypts and writes the ICVs, or decrypts in place and compares them; n is at most CRYPTO_BURST,
// `engines` has the bits of each item's SA, and may have others. Sets each item's `ok`; true: all
// are. When the ICV does not hold the text is garbage or unauthentic plaintext, and must not be
// used. With extended sequence numbers the ICV covers their upper half too, which is not sent (RFC
// 4303, 2.2.1). While one packet is worked with AES-GCM the keys of the one CRYPTO_AHEAD behind it
// are loaded; those of the first ones the caller loads.
bool crypto_encrypt(struct crypto *c, struct crypto_item *items, unsigned n, unsigned engines);
bool crypto_decrypt(struct crypto *c, struct crypto_item *items, unsigned n, unsigned engines);

// `len` unpredictable bytes for CBC IVs (RFC 3602, 3), at most CRYPTO_IV_MAX; good until the next
// call.
const uint8_t *crypto_ivs(struct crypto *c, unsigned len);

#define CRYPTO_GHASH_KEYS 48u // powers of the hash key that ipsec-mb keeps, 16 bytes each
#define CRYPTO_FEW_POWERS 7u  // the lowest, which lie in the last two lines

// The lines of the hash key's powers that a longer text needs, but for the last two.
static inline void crypto_prefetch_powers(const char *keys, uint32_t powers)
{
	uint32_t n = powers < CRYPTO_GHASH_KEYS ? powers : CRYPTO_GHASH_KEYS;
	uint32_t from = (uint32_t)sizeof(struct gcm_key_data) - 16 * n;

	for (uint32_t i = from / SA_LINE * SA_LINE; i < sizeof(struct sa_keys) - 2 * SA_LINE;
	     i += SA_LINE)
		rte_prefetch1(keys + i);
}

// The line of round keys that AES-128 does not have.
static inline void crypto_prefetch_rounds(const struct sa_keys *keys, uint32_t key_len)
{
	if (key_len > CRYPTO_KEY_MIN)
		rte_prefetch1((const char *)keys + 3 * SA_LINE);
}

// Starts to load the lines of expanded keys of AES-128-GCM that a text of so many bytes needs: the
// round keys, and as many powers of the hash key as the text has blocks (with AAD and length). Into
// the second-level cache: a burst's keys do not fit the first beside its packets and SAs.
static __rte_always_inline void crypto_prefetch_gcm128(const struct sa_keys *keys,
                                                       uint32_t text_len)
{
	const char *at = (const char *)keys;

	for (unsigned i = 0; i < 3; i++)
		rte_prefetch1(at + i * SA_LINE);
	rte_prefetch1(at + sizeof(*keys) - 2 * SA_LINE);
	rte_prefetch1(at + sizeof(*keys) - SA_LINE);
	if (text_len >= 16 * (CRYPTO_FEW_POWERS - 2))
		crypto_prefetch_powers(at, text_len / 16 + 3);
}

// The same of AES-GCM with any key.
static __rte_always_inline void crypto_prefetch_gcm(const struct sa_keys *keys, uint32_t key_len,
                                                    uint32_t text_len)
{
	crypto_prefetch_rounds(keys, key_len);
	crypto_prefetch_gcm128(keys, text_len);
}

// The same of any engine.
static inline void crypto_prefetch_keys(const struct sa_keys *keys, enum sa_engine engine,
                                        uint32_t key_len, uint32_t text_len)
{
	const char *at = (const char *)keys;

	crypto_prefetch_rounds(keys, key_len);
	if (engine < SA_ENGINE_CHACHA) {
		crypto_prefetch_gcm128(keys, text_len);
		return;
	}
	for (unsigned i = 0; i < (engine >= SA_ENGINE_MB ? 10 : 3); i++)
		rte_prefetch1(at + i * SA_LINE);
}

#endif
