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

// One phase 1 suite (RFC 2409, 5): what an isakmp policy asks for, and what was agreed.
struct ike_suite {
	enum ike_cipher cipher;
	enum ike_hash hash;
	uint16_t key_bits;  // AES only: 128, 192 or 256
	uint16_t group;     // Diffie-Hellman group number
	uint32_t lifetime;  // seconds
};

// One ESP proposal: what a transform set offers, and what was agreed.
struct esp_suite {
	enum sa_cipher cipher;
	enum sa_auth auth;
	enum sa_mode mode;
	uint16_t key_bits;           // AES only
	uint16_t pfs_group;          // 0 = none
	uint32_t lifetime_seconds;   // 0 = not said
	uint32_t lifetime_kilobytes; // 0 = not said
};

#endif
