// Attributes of a transform <-> suites: all numbers of RFC 2409, appendix A and RFC 2407, 4.4 and
// 4.5 (with RFC 3602, 4106, 4868, 3947, 4304) are behind this. For proposal.c and proposal_write.c
// only.
#ifndef VIGIL_PROPOSAL_ATTR_H
#define VIGIL_PROPOSAL_ATTR_H

#include "bytes.h"
#include "suite.h"

// The shape only: types, lengths, no bytes left over. 0 or -EBADMSG.
int proposal_attr_validate(const uint8_t *attributes, size_t len);
// False if the transform holds anything that is unknown, twice, or missing: not for us then.
bool proposal_attr_read_ike(uint8_t transform_id, const uint8_t *attributes, size_t len,
                            struct ike_suite *out);
// *encap: which kind of encapsulation mode was asked for.
bool proposal_attr_read_esp(uint8_t transform_id, const uint8_t *attributes, size_t len,
                            struct esp_suite *out, enum sa_encap *encap);
void proposal_attr_write_ike(struct writer *w, const struct ike_suite *s);
void proposal_attr_write_esp(struct writer *w, const struct esp_suite *s, enum sa_encap encap);
// The transform ID of an ESP suite's cipher; of phase 1 it is always PROPOSAL_KEY_IKE.
uint8_t proposal_attr_transform(const struct esp_suite *s);

#define PROPOSAL_KEY_IKE 1

#endif
