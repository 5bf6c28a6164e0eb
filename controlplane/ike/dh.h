// Diffie-Hellman of IKE: groups 1, 2 (RFC 2409, 6), 5, 14, 15, 16 (RFC 3526), 19, 20, 21 (RFC
// 5903). Slow (0.05 to several ms): called on helper threads, see dh_pool.h. Any thread; keeps no
// state.
#ifndef VIGIL_DH_H
#define VIGIL_DH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DH_PUBLIC_MAX  512 // bytes: group 16
#define DH_SECRET_MAX  512
#define DH_PRIVATE_MAX 72 // bytes: short exponents for MODP, 66 for group 21

// A key pair by value. The public value is in the form of the KE payload: padded to the prime's
// length for MODP, x | y for elliptic curves (RFC 5903, 7).
struct dh_key {
	uint16_t group;
	uint16_t public_len;
	uint16_t private_len;
	uint8_t public_value[DH_PUBLIC_MAX];
	uint8_t private_value[DH_PRIVATE_MAX];
};

bool dh_supported(uint16_t group);
// Bytes of a KE payload's body and of the secret; 0 for a group that is not supported.
size_t dh_public_len(uint16_t group);
size_t dh_secret_len(uint16_t group);
// Checks the length alone, in no time: for the control core before it spends a job.
bool dh_public_plausible(uint16_t group, const uint8_t *peer, size_t len);

// A new key pair. 0, -ENOTSUP (group) or -EIO.
int dh_generate(uint16_t group, struct dh_key *key);
// g^xy, padded to dh_secret_len(); for elliptic curves the x coordinate. The peer's value is
// checked first: length, 1 < y < p - 1, point on the curve. 0, -EINVAL (peer's value), -ENOTSUP,
// -EIO.
int dh_shared(const struct dh_key *key, const uint8_t *peer, size_t len,
              uint8_t secret[DH_SECRET_MAX], size_t *secret_len);

#endif
