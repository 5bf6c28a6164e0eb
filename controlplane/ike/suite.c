// Sizes and names of the algorithms of IKE and ESP. Any thread; pure.
// Knows no wire numbers: those are proposal.c's.
#include "suite.h"

#include <stdio.h>

unsigned suite_hash_len(enum ike_hash hash)
{
	static const uint8_t len[] = {0, 16, 20, 32, 48, 64};

	return len[hash];
}

unsigned suite_block_len(enum ike_cipher cipher)
{
	static const uint8_t len[] = {0, 8, 8, 16};

	return len[cipher];
}

unsigned suite_key_len(const struct ike_suite *s)
{
	static const uint8_t len[] = {0, 8, 24};

	return s->cipher == IKE_CIPHER_AES ? s->key_bits / 8u : len[s->cipher];
}

unsigned suite_esp_key_len(const struct esp_suite *s)
{
	switch (s->cipher) {
	case SA_CIPHER_DES_CBC:
		return 8;
	case SA_CIPHER_3DES_CBC:
		return 24;
	case SA_CIPHER_AES_CBC:
	case SA_CIPHER_AES_GCM_16:
		return s->key_bits / 8u;
	case SA_CIPHER_CHACHA_POLY:
		return 32;
	default:
		return 0;
	}
}

unsigned suite_esp_salt_len(const struct esp_suite *s)
{
	return sa_cipher_is_aead(s->cipher) ? 4 : 0;
}

const char *suite_format(const struct ike_suite *s, char out[SUITE_TEXT])
{
	static const char *const hash[] = {"none", "md5", "sha", "sha256", "sha384", "sha512"};
	static const char *const cipher[] = {"none", "des", "3des"};

	if (s->cipher == IKE_CIPHER_AES)
		snprintf(out, SUITE_TEXT, "aes %u %s group %u", s->key_bits, hash[s->hash],
		         s->group);
	else
		snprintf(out, SUITE_TEXT, "%s %s group %u", cipher[s->cipher], hash[s->hash],
		         s->group);
	return out;
}

const char *suite_esp_format(const struct esp_suite *s, char out[SUITE_TEXT])
{
	static const char *const cipher[] = {"esp-null", "esp-des", "esp-3des",
	                                     "esp-aes",  "esp-gcm", "esp-chacha-poly"};
	static const char *const auth[] = {"",
	                                   " esp-md5-hmac",
	                                   " esp-sha-hmac",
	                                   " esp-sha256-hmac",
	                                   " esp-sha384-hmac",
	                                   " esp-sha512-hmac"};

	// IOS does not write the 128 of esp-aes.
	if (s->cipher == SA_CIPHER_AES_GCM_16 ||
	    (s->cipher == SA_CIPHER_AES_CBC && s->key_bits != 128))
		snprintf(out, SUITE_TEXT, "%s %u%s", cipher[s->cipher], s->key_bits, auth[s->auth]);
	else
		snprintf(out, SUITE_TEXT, "%s%s", cipher[s->cipher], auth[s->auth]);
	return out;
}
