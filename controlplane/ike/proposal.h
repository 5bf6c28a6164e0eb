// The SA payload of IKEv1: offers, choice and check of the answer (RFC 2408, 3.4-3.6 and 4.2; RFC
// 2407, 4.4 and 4.5; RFC 2409, appendix A; RFC 3602, 4106, 4868, 3947, 4304). A choice always goes
// by our order, never by the peer's. A transform with anything unknown in it is passed over (RFC
// 2408, 4.2).
#ifndef VIGIL_PROPOSAL_H
#define VIGIL_PROPOSAL_H

#include "isakmp.h"
#include "suite.h"

// Checks the shape of a whole SA payload's body: DOI, situation, lengths, counts, chain types.
// 0, -EBADMSG (malformed), -EPROTONOSUPPORT (a DOI or situation other than IPsec's identity only).
// All functions below begin with it and return its errors.
int proposal_validate(const uint8_t *body, size_t len);

// The SPI of the first proposal for ESP, host order: what a refusal names (RFC 2408, 3.14). 0:
// there is none.
uint32_t proposal_spi(const uint8_t *body, size_t len);

// What was picked of an offer. Points into the received message: write the answer before that is
// released, or copy.
struct proposal_choice {
	unsigned index; // of our suites
	uint8_t proposal, transform, transform_id;
	const uint8_t *attributes; // of the transform, as received; echoed unchanged
	uint16_t attributes_len;
};

struct ike_choice {
	struct ike_suite suite; // lifetime: the shorter of both
	struct proposal_choice raw;
};

struct esp_choice {
	struct esp_suite suite; // lifetimes: the shorter of both; pfs_group: the peer's
	uint32_t spi;           // the peer's, host order; never under 256
	struct proposal_choice raw;
};

// Responder, phase 1: the first of ours[n], in our order, that the peer offers too. 0, -ENOENT
// (none), or as proposal_validate().
int proposal_choose_ike(const uint8_t *body, size_t len, const struct ike_suite *ours, unsigned n,
                        struct ike_choice *out);
// Responder, phase 2. `encap` says whether UDP encapsulation must be offered (a NAT was detected)
// or must not. PFS is not compared: out->suite.pfs_group is the peer's wish, for the caller to
// judge. AH, IPCOMP and bundles of protocols are passed over.
int proposal_choose_esp(const uint8_t *body, size_t len, const struct esp_suite *ours, unsigned n,
                        enum sa_encap encap, struct esp_choice *out);

// Initiator: the answer holds exactly one transform and it is one that we offered. -EBADMSG if
// there are more, -ENOENT if we never offered it. pfs_group must be ours; lifetimes may be shorter,
// and where they are 0 or missing ours hold.
int proposal_accept_ike(const uint8_t *body, size_t len, const struct ike_suite *offered,
                        unsigned n, struct ike_choice *out);
int proposal_accept_esp(const uint8_t *body, size_t len, const struct esp_suite *offered,
                        unsigned n, enum sa_encap encap, struct esp_choice *out);

// Initiator's SA payloads: one proposal, a transform for each suite, numbered from 1. spi: ours,
// host order. All pfs_group must be equal (RFC 2409, 5.5).
void proposal_write_ike(struct isakmp_message *m, const struct ike_suite *suites, unsigned n);
void proposal_write_esp(struct isakmp_message *m, const struct esp_suite *suites, unsigned n,
                        enum sa_encap encap, uint32_t spi);
// Responder's: the transform that was chosen, as it was received. spi: ours; unused in phase 1.
void proposal_write_ike_answer(struct isakmp_message *m, const struct ike_choice *choice);
void proposal_write_esp_answer(struct isakmp_message *m, const struct esp_choice *choice,
                               uint32_t spi);
// A suite that may be offered or accepted at all: known numbers, key sizes, not without both
// encryption and authentication (RFC 4301, 3.2).
bool proposal_ike_valid(const struct ike_suite *s);
bool proposal_esp_valid(const struct esp_suite *s);

#endif
