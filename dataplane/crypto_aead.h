// What every way of calling an AEAD for ESP needs: nonce, AAD, and whether the ICV holds. [W]
#ifndef VIGIL_DATAPLANE_CRYPTO_AEAD_H
#define VIGIL_DATAPLANE_CRYPTO_AEAD_H

#include <string.h>
#include <x86intrin.h>

#include "crypto.h"
#include "secret.h"

#define CRYPTO_ESN_AAD 12u // bytes; without extended sequence numbers it is the ESP header

// RFC 4106 4 and RFC 7634 2: nonce = salt, explicit IV. One store, so that the cipher's load of the
// whole need not wait for two.
static inline void crypto_nonce(uint8_t *at, const struct sa *sa, const uint8_t *iv)
{
	uint32_t salt;
	uint64_t explicit;

	memcpy(&salt, sa->salt, sizeof(salt));
	memcpy(&explicit, iv, sizeof(explicit));
	_mm_store_si128((__m128i *)at, _mm_set_epi64x((int64_t)(explicit >> 32),
	                                              (int64_t)(salt | explicit << 32)));
}

// RFC 4106 5 and RFC 7634 2.1: SPI and the whole of the extended sequence number. One store, as
// above.
static inline void crypto_esn_aad(uint8_t at[16], const struct crypto_item *item)
{
	uint32_t spi, low;

	memcpy(&spi, item->esp, sizeof(spi));
	memcpy(&low, item->esp + 4, sizeof(low));
	_mm_store_si128((__m128i *)at,
	                _mm_set_epi32(0, (int)low, (int)__builtin_bswap32(item->seq_hi), (int)spi));
}

static inline bool crypto_icv_holds(const struct crypto_item *item, const uint8_t *computed)
{
	const struct sa *sa = item->sa;
	const uint8_t *icv = item->esp + SA_ESP_HEADER + sa->iv_len + item->text_len;

	if (sa->icv_len == 16)
		return secret_equal16(icv, computed);
	if (sa->icv_len == 12)
		return secret_equal12(icv, computed);
	return secret_equal(icv, computed, sa->icv_len);
}

#endif
