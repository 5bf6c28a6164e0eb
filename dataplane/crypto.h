// Bursts of ESP cryptography through ipsec-mb. [W] Each worker has one struct crypto of its own.
// Every call ends flushed: no job outlives it, so nothing waits when an SA is deleted.
#ifndef VIGIL_DATAPLANE_CRYPTO_H
#define VIGIL_DATAPLANE_CRYPTO_H

#include "sa.h"

#define CRYPTO_BURST   128u // IMB_MAX_BURST_SIZE
#define CRYPTO_IV_POOL 4096u

struct crypto;

// One packet: at `esp` the ESP header, then the IV, `text_len` bytes of text and room for the ICV,
// all in one piece.
struct crypto_item {
	const struct sa *sa;
	uint8_t *esp;
	uint32_t text_len; // a multiple of sa->align, not 0
	bool ok;           // result: encrypted, or decrypted and the ICV holds
};

// NULL and errno: ENOMEM, ENOTSUP (the CPU lacks what ipsec-mb needs, or its self-test failed).
struct crypto *crypto_create(void);
void crypto_destroy(struct crypto *c);

// Encrypts and writes the ICVs, or decrypts in place and compares them; n is at most CRYPTO_BURST.
// When the ICV does not hold the text is garbage or unauthentic plaintext, and must not be used.
void crypto_encrypt(struct crypto *c, struct crypto_item *items, unsigned n);
void crypto_decrypt(struct crypto *c, struct crypto_item *items, unsigned n);

// Unpredictable bytes for a CBC IV (RFC 3602, 3), at most 16.
void crypto_iv(struct crypto *c, uint8_t *iv, unsigned len);

// Starts to load the keys that a packet needs.
static inline void crypto_prefetch_keys(const struct sa *sa)
{
	const char *keys = (const char *)sa->keys;

	// Round keys, then what lies at the end: the low powers of the GCM hash key.
	for (unsigned i = 0; i < 4 * SA_LINE; i += SA_LINE)
		__builtin_prefetch(keys + i);
	if (sa->aead) {
		for (unsigned i = 8 * SA_LINE; i < 16 * SA_LINE; i += SA_LINE)
			__builtin_prefetch(keys + i);
	} else {
		for (unsigned i = 4 * SA_LINE; i < 10 * SA_LINE; i += SA_LINE)
			__builtin_prefetch(keys + i);
	}
}

#endif
