// IKEv1 key material (RFC 2409, 5 and 5.5 and appendix B), over OpenSSL's EVP. Functions return 0
// or -errno (-EIO: OpenSSL failed; -EINVAL: a suite or length that makes no sense).
#ifndef VIGIL_IKE_KEYMAT_H
#define VIGIL_IKE_KEYMAT_H

#include <stddef.h>

#include "ike_crypto.h"
#include "suite.h"
#include "types.h"

#define IKE_HASH_USUAL 32 // bytes: all but SHA-384 and SHA-512 have no longer hash

struct ike1_long_skeyids {
	uint8_t a[IKE_HASH_MAX], d[IKE_HASH_MAX];
};

// What an established IKEv1 SA keeps; how long each is, and where SKEYID_a and _d lie, its suite
// says. Messages of phase 2 need what stands first, all but SKEYID_d. Ends with keymat_wipe().
struct ike1_keys {
	uint8_t key[IKE_KEY_MAX];
	uint8_t iv[IKE_BLOCK_MAX]; // last block of phase 1; a phase 2 exchange derives its own from
	                           // it
	union {
		struct {
			uint8_t a[IKE_HASH_USUAL], d[IKE_HASH_USUAL];
		} skeyid;
		struct ike1_long_skeyids *long_skeyid; // of a longer hash; NULL: none yet
	};
};

// All that phase 1 hashes; the chunks point to what the handshake keeps.
struct ike1_phase1 {
	uint8_t cookie_i[8], cookie_r[8];
	struct ike_chunk psk;
	struct ike_chunk nonce_i, nonce_r;   // bodies of the nonce payloads
	struct ike_chunk public_i, public_r; // bodies of the KE payloads
	struct ike_chunk secret;             // g^xy, padded to the length of the prime
	struct ike_chunk sa_i;               // body of the SA payload that the initiator sent
};

struct ike1_skeyid {
	uint8_t len;
	uint8_t bytes[IKE_HASH_MAX];
};

// SKEYID for pre-shared keys, SKEYID_d, _a, the encryption key from SKEYID_e (stretched as in
// appendix B, weak DES keys not looked for), and the first IV. *keys held none before, and if this
// fails (-ENOMEM too) it holds none. *skeyid is for the two hashes below, wipe it after them. sa_i
// is not used here.
int keymat_phase1(struct ike_crypto *c, const struct ike_suite *s, const struct ike1_phase1 *in,
                  struct ike1_keys *keys, struct ike1_skeyid *skeyid);
// Wipes the keys of that suite; there may be none, all zeros.
void keymat_wipe(const struct ike_suite *s, struct ike1_keys *keys);
const uint8_t *keymat_skeyid_a(const struct ike_suite *s, const struct ike1_keys *keys);
const uint8_t *keymat_skeyid_d(const struct ike_suite *s, const struct ike1_keys *keys);
// HASH_I and HASH_R over the body of the ID payload of the side that sends it (RFC 2409, 5).
// `out` takes suite_hash_len() bytes.
int keymat_hash_i(struct ike_crypto *c, const struct ike_suite *s, const struct ike1_phase1 *in,
                  const struct ike1_skeyid *skeyid, struct ike_chunk id_i, uint8_t *out);
int keymat_hash_r(struct ike_crypto *c, const struct ike_suite *s, const struct ike1_phase1 *in,
                  const struct ike1_skeyid *skeyid, struct ike_chunk id_r, uint8_t *out);

// The first IV of a phase 2 or informational exchange: hash(last phase 1 block | message ID).
int keymat_phase2_iv(struct ike_crypto *c, const struct ike_suite *s, const struct ike1_keys *keys,
                     uint32_t message_id, uint8_t iv[IKE_BLOCK_MAX]);

// What quick mode adds: nonces' bodies, and g^xy with PFS (else len 0).
struct ike1_quick {
	struct ike_chunk nonce_i, nonce_r;
	struct ike_chunk secret;
};

// HASH(1), (2), (3) (RFC 2409, 5.5). An informational exchange's hash is HASH(1) too (5.7).
enum ike1_hash_kind { IKE1_HASH_1, IKE1_HASH_2, IKE1_HASH_3 };
// `rest` = all payloads behind the HASH payload with their generic headers, padding not included;
// it is not used for HASH(3). `q` is used for HASH(2) (nonce_i) and HASH(3) (both), else NULL.
int keymat_phase2_hash(struct ike_crypto *c, const struct ike_suite *s,
                       const struct ike1_keys *keys, enum ike1_hash_kind kind, uint32_t message_id,
                       const struct ike1_quick *q, struct ike_chunk rest, uint8_t *out);

// KEYMAT for one ESP SA (RFC 2409, 5.5), split into cipher key, salt (RFC 4106, 8.1) and
// authentication key. spi (host order) is the receiver's. Sets cipher, auth, mode, key_len, key,
// salt, auth_key and spi of *out, leaves the rest.
int keymat_esp(struct ike_crypto *c, const struct ike_suite *s, const struct ike1_keys *keys,
               const struct ike1_quick *q, const struct esp_suite *esp, uint32_t spi,
               struct sa_spec *out);

// HASH(CKY-I | CKY-R | IP | Port) (RFC 3947, 3.2); `out` takes suite_hash_len() bytes.
int keymat_nat_d(struct ike_crypto *c, enum ike_hash hash, const uint8_t cookie_i[8],
                 const uint8_t cookie_r[8], const struct ip_addr *addr, uint16_t port,
                 uint8_t *out);

#endif
