// A negotiated ESP security association as a plain value: what IKE hands to the dataplane.
#ifndef VIGIL_COMMON_SA_SPEC_H
#define VIGIL_COMMON_SA_SPEC_H

#include "types.h"

#define SA_KEY_MAX      32 // bytes of cipher key
#define SA_SALT_MAX     4  // bytes; RFC 4106 section 4, RFC 7634 section 2
#define SA_AUTH_KEY_MAX 64 // bytes; HMAC-SHA2-512 (RFC 4868)

enum sa_cipher {
	SA_CIPHER_NULL,        // RFC 2410
	SA_CIPHER_DES_CBC,     // RFC 2405
	SA_CIPHER_3DES_CBC,    // RFC 2451
	SA_CIPHER_AES_CBC,     // RFC 3602
	SA_CIPHER_AES_GCM_16,  // RFC 4106, 16-byte ICV
	SA_CIPHER_CHACHA_POLY, // RFC 7634
};

enum sa_auth {
	SA_AUTH_NONE,            // with an AEAD cipher
	SA_AUTH_HMAC_MD5_96,     // RFC 2403
	SA_AUTH_HMAC_SHA1_96,    // RFC 2404
	SA_AUTH_HMAC_SHA256_128, // RFC 4868
	SA_AUTH_HMAC_SHA384_192, // RFC 4868
	SA_AUTH_HMAC_SHA512_256, // RFC 4868
};

enum sa_mode { SA_MODE_TUNNEL, SA_MODE_TRANSPORT };
enum sa_encap { SA_ENCAP_NONE, SA_ENCAP_UDP }; // RFC 3948

struct sa_spec {
	enum sa_cipher cipher;
	enum sa_auth auth;
	enum sa_mode mode;
	enum sa_encap encap;
	uint16_t key_len; // bytes of key[]
	uint32_t spi;     // host order
	// Outer addresses from this gateway's side, in both directions; UDP ports when
	// encapsulated.
	struct ip_addr local, remote;
	uint16_t local_port, remote_port;
	struct selector selector; // negotiated identities
	uint32_t replay_window;   // packets, 0 = replay protection off; inbound only
	bool esn; // 64-bit sequence numbers (RFC 4303, 2.2.1); never without a replay window
	uint32_t path_mtu;     // bytes of the outer packet; 0 = the egress interface's
	tick_t dummy_interval; // outbound: a dummy packet each (RFC 4303 2.6); 0 = none
	// Lifetimes; 0 = none. Time is the control plane's business.
	uint32_t kilobytes; // of 1024 bytes (RFC 2407, 4.5); a new SA is asked for a sixteenth
	                    // before
	uint64_t soft_packets, hard_packets;
	uint8_t key[SA_KEY_MAX];
	uint8_t salt[SA_SALT_MAX];
	uint8_t auth_key[SA_AUTH_KEY_MAX];
};

static inline bool sa_cipher_is_aead(enum sa_cipher c)
{
	return c == SA_CIPHER_AES_GCM_16 || c == SA_CIPHER_CHACHA_POLY;
}

// Bytes of key that an HMAC takes; 0 for SA_AUTH_NONE.
static inline unsigned sa_auth_key_len(enum sa_auth a)
{
	static const uint8_t len[] = {0, 16, 20, 32, 48, 64};

	return len[a];
}

// Bytes of ICV on the wire.
static inline unsigned sa_icv_len(enum sa_cipher c, enum sa_auth a)
{
	static const uint8_t len[] = {0, 12, 12, 16, 24, 32};

	return sa_cipher_is_aead(c) ? 16 : len[a];
}

// Bytes of explicit IV on the wire.
static inline unsigned sa_iv_len(enum sa_cipher c)
{
	switch (c) {
	case SA_CIPHER_NULL:
		return 0;
	case SA_CIPHER_AES_CBC:
		return 16;
	default:
		return 8;
	}
}

#endif
