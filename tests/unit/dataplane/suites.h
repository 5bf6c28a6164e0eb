// Every combination of algorithms that an SA may have, with keys that depend on the test alone.
#ifndef VIGIL_TESTS_DATAPLANE_SUITES_H
#define VIGIL_TESTS_DATAPLANE_SUITES_H

#include <string.h>

#include "addr.h"
#include "sa_spec.h"

struct suite {
	enum sa_cipher cipher;
	uint16_t key_len;
	enum sa_auth auth;
};

#define SUITES_MAX 64

static inline unsigned suites_all(struct suite out[SUITES_MAX])
{
	static const struct suite aead[] = {
		{SA_CIPHER_AES_GCM_16, 16, SA_AUTH_NONE},
		{SA_CIPHER_AES_GCM_16, 24, SA_AUTH_NONE},
		{SA_CIPHER_AES_GCM_16, 32, SA_AUTH_NONE},
		{SA_CIPHER_CHACHA_POLY, 32, SA_AUTH_NONE},
	};
	static const struct suite ciphers[] = {
		{SA_CIPHER_NULL, 0, SA_AUTH_NONE},      {SA_CIPHER_DES_CBC, 8, SA_AUTH_NONE},
		{SA_CIPHER_3DES_CBC, 24, SA_AUTH_NONE}, {SA_CIPHER_AES_CBC, 16, SA_AUTH_NONE},
		{SA_CIPHER_AES_CBC, 24, SA_AUTH_NONE},  {SA_CIPHER_AES_CBC, 32, SA_AUTH_NONE},
	};
	unsigned n = 0;

	for (unsigned i = 0; i < sizeof(aead) / sizeof(aead[0]); i++)
		out[n++] = aead[i];
	for (unsigned i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++)
		for (enum sa_auth a = SA_AUTH_HMAC_MD5_96; a <= SA_AUTH_HMAC_SHA512_256; a++) {
			out[n] = ciphers[i];
			out[n++].auth = a;
		}
	return n;
}

// From 10.1.0.0/16 behind 192.0.2.1 to 10.2.0.0/16 behind 192.0.2.11.
static inline struct sa_spec suite_spec(const struct suite *s, uint32_t spi)
{
	struct ip_addr local_net = addr_v4(0x0a010000), remote_net = addr_v4(0x0a020000);
	struct sa_spec spec = {
		.cipher = s->cipher,
		.auth = s->auth,
		.mode = SA_MODE_TUNNEL,
		.encap = SA_ENCAP_NONE,
		.key_len = s->key_len,
		.spi = spi,
		.local = addr_v4(0xc0000201),
		.remote = addr_v4(0xc000020b),
		.selector = {.local = prefix_make(&local_net, 16),
	                     .remote = prefix_make(&remote_net, 16)},
		.replay_window = 64,
	};

	for (unsigned i = 0; i < sizeof(spec.key); i++)
		spec.key[i] = (uint8_t)(spi * 31 + i * 7 + 1);
	for (unsigned i = 0; i < sizeof(spec.auth_key); i++)
		spec.auth_key[i] = (uint8_t)(spi * 13 + i * 5 + 2);
	memcpy(spec.salt, "\xca\xfe\xba\xbe", 4);
	return spec;
}

// The same SA as its other end sees it.
static inline struct sa_spec suite_mirror(const struct sa_spec *spec)
{
	struct sa_spec m = *spec;

	m.local = spec->remote;
	m.remote = spec->local;
	m.local_port = spec->remote_port;
	m.remote_port = spec->local_port;
	m.selector = selector_mirror(&spec->selector);
	return m;
}

#endif
