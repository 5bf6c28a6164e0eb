// Encrypted messages of IKEv1 (RFC 2409, 5 and appendix B): padding, CBC, IV, and the HASH payload
// that leads every message of phase 2. Control core only.
//
// Sending in phase 2:  ike1_message_begin() .. payloads .. ike1_message_seal_hashed().
// Sending main mode 5, 6:  isakmp_message_begin() .. payloads .. ike1_message_seal().
// Receiving:  isakmp_header_read(), ike1_message_open(), then in phase 2 ike1_message_check_hash(),
// and only when that holds: the IV is taken over, the payloads are believed.
#ifndef VIGIL_IKE1_MESSAGE_H
#define VIGIL_IKE1_MESSAGE_H

#include "isakmp.h"
#include "keymat.h"

// Pads with zeros to the block, encrypts everything behind the header in place and fills in the
// length. `iv` is the exchange's and moves on. The header must have ISAKMP_FLAG_ENCRYPTED. Returns
// the bytes to send, or -EMSGSIZE (did not fit), -errno.
int ike1_message_seal(struct ike_crypto *c, const struct ike_suite *s, const struct ike1_keys *keys,
                      uint8_t iv[IKE_BLOCK_MAX], struct isakmp_message *m);
// Header and an empty HASH payload of the right length.
void ike1_message_begin(struct isakmp_message *m, void *buf, size_t size,
                        const struct isakmp_header *h, const struct ike_suite *s);
// Fills in the HASH payload, then as ike1_message_seal().
int ike1_message_seal_hashed(struct ike_crypto *c, const struct ike_suite *s,
                             const struct ike1_keys *keys, uint8_t iv[IKE_BLOCK_MAX],
                             enum ike1_hash_kind kind, const struct ike1_quick *q,
                             struct isakmp_message *m);

// Decrypts the body of message data[h->length] into out[] (h->length - ISAKMP_HEADER bytes are
// written, `size` is its room) and splits it. `iv` is the exchange's and stays; *next_iv is what it
// becomes if the message turns out to be authentic. What decrypts to garbage fails here or in the
// hash. 0, -EBADMSG (length, chain), -ENOTSUP, -E2BIG, -EMSGSIZE (room), -EIO.
int ike1_message_open(struct ike_crypto *c, const struct ike_suite *s, const struct ike1_keys *keys,
                      const uint8_t iv[IKE_BLOCK_MAX], uint8_t next_iv[IKE_BLOCK_MAX],
                      const struct isakmp_header *h, const uint8_t *data, uint8_t *out, size_t size,
                      struct isakmp_chain *chain);
// Whether the first payload is a HASH and the right one; constant time. 0 or -EBADMSG (no HASH
// first, wrong length), -EACCES (wrong), -EIO.
int ike1_message_check_hash(struct ike_crypto *c, const struct ike_suite *s,
                            const struct ike1_keys *keys, enum ike1_hash_kind kind,
                            uint32_t message_id, const struct ike1_quick *q,
                            const struct isakmp_chain *chain);

#endif
