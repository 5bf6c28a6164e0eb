// IKEv1 key material (RFC 2409, 5 and 5.5 and appendix B), over OpenSSL's EVP.
#ifndef VIGIL_IKE_KEYMAT_H
#define VIGIL_IKE_KEYMAT_H

#include <stddef.h>

#include "suite.h"

#define IKE_HASH_MAX  64 // bytes of the longest hash
#define IKE_KEY_MAX   32 // bytes of the longest cipher key
#define IKE_BLOCK_MAX 16

// What an established IKEv1 SA keeps.
struct ike1_keys {
	uint8_t hash_len;  // bytes of skeyid_*
	uint8_t key_len;   // bytes of encryption key
	uint8_t block_len; // bytes of a cipher block
	uint8_t skeyid_d[IKE_HASH_MAX];
	uint8_t skeyid_a[IKE_HASH_MAX];
	uint8_t key[IKE_KEY_MAX];
	uint8_t iv[IKE_BLOCK_MAX]; // last block of phase 1; a phase 2 exchange derives its own from it
};

#endif
