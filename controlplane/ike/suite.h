// Algorithms of IKE and ESP negotiation as the control plane names them, independent of the numbers
// that IKEv1 and IKEv2 use on the wire.
#ifndef VIGIL_IKE_SUITE_H
#define VIGIL_IKE_SUITE_H

#include <stdbool.h>
#include <stdint.h>

#include "sa_spec.h"

enum ike_cipher { IKE_CIPHER_NONE, IKE_CIPHER_DES, IKE_CIPHER_3DES, IKE_CIPHER_AES };
enum ike_hash {
	IKE_HASH_NONE,
	IKE_HASH_MD5,
	IKE_HASH_SHA1,
	IKE_HASH_SHA256,
	IKE_HASH_SHA384,
	IKE_HASH_SHA512,
};

#define IKE_HASH_MAX  64 // bytes of the longest hash
#define IKE_KEY_MAX   32 // bytes of the longest cipher key
#define IKE_BLOCK_MAX 16

// One phase 1 suite (RFC 2409, 5): what an isakmp policy asks for, and what was agreed. The
// authentication method is the pre-shared key.
struct ike_suite {
	uint8_t cipher;    // enum ike_cipher
	uint8_t hash;      // enum ike_hash
	uint16_t key_bits; // AES only: 128, 192 or 256
	uint16_t group;    // Diffie-Hellman group number
	uint32_t lifetime; // seconds; 0 = not said
};

// One ESP proposal: what a transform set offers, and what was agreed.
struct esp_suite {
	uint8_t cipher;              // enum sa_cipher
	uint8_t auth;                // enum sa_auth
	uint8_t mode;                // enum sa_mode
	uint16_t key_bits;           // AES only
	uint16_t pfs_group;          // 0 = none
	uint32_t lifetime_seconds;   // 0 = not said
	uint32_t lifetime_kilobytes; // 0 = not said
	bool esn;                    // extended sequence numbers (RFC 4303, 2.2.1)
	bool require;                // of a transform set: transport mode, or nothing
};

// Bytes of a hash's output; 0 for IKE_HASH_NONE.
unsigned suite_hash_len(enum ike_hash hash);
// Bytes of a cipher block, and of the IV of IKEv1.
unsigned suite_block_len(enum ike_cipher cipher);
// Bytes of encryption key that a phase 1 suite takes.
unsigned suite_key_len(const struct ike_suite *s);
// Bytes of cipher key that an ESP suite takes, the salt of an AEAD cipher not counted.
unsigned suite_esp_key_len(const struct esp_suite *s);
unsigned suite_esp_salt_len(const struct esp_suite *s);
// "aes-256 sha256 group 14"; writes at most SUITE_TEXT bytes and returns `out`.
#define SUITE_TEXT 64
const char *suite_format(const struct ike_suite *s, char out[SUITE_TEXT]);
// "esp-aes 256 esp-sha256-hmac", in the words of a transform set.
const char *suite_esp_format(const struct esp_suite *s, char out[SUITE_TEXT]);

#endif
