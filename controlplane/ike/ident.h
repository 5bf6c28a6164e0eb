// Identification payloads (RFC 2407, 4.6.2) and what they say as selectors and text.
#ifndef VIGIL_IDENT_H
#define VIGIL_IDENT_H

#include "addr.h"
#include "isakmp.h"

enum ident_type {
	IDENT_IPV4 = 1,
	IDENT_FQDN = 2,
	IDENT_USER_FQDN = 3,
	IDENT_IPV4_SUBNET = 4,
	IDENT_IPV6 = 5,
	IDENT_IPV6_SUBNET = 6,
	IDENT_IPV4_RANGE = 7,
	IDENT_IPV6_RANGE = 8,
	IDENT_DN = 9,
	IDENT_GN = 10,
	IDENT_KEY_ID = 11,
};

#define IDENT_TEXT 128

struct ident {
	uint8_t type;  // enum ident_type
	uint8_t proto; // 0 = any
	uint16_t port; // 0 = any
	// Types that are addresses: what they cover. A range must be a prefix.
	struct ip_prefix prefix;
	// Types that are names: bytes in the message.
	const uint8_t *name;
	uint16_t name_len;
};

// Whole payload checked first. 0, -EBADMSG (lengths, a mask with holes, an empty name, a NUL in a
// name), -ENOTSUP (unknown type; a range that is no prefix).
int ident_read(const struct isakmp_payload *p, struct ident *out);
// In phase 1 protocol and port are 0/0 or UDP/500 (RFC 2407, 4.6.2); UDP/4500 and UDP/0 are seen
// and taken. The types of phase 2 only (subnets, ranges) are refused. 0 or -EBADMSG.
int ident_check_phase1(const struct ident *id);
// An address, FQDN, user or key ID as text that is safe to print; `out` is returned.
const char *ident_format(const struct ident *id, char out[IDENT_TEXT]);
// The two IDs of quick mode as one selector from this gateway's side. Both must be addresses of one
// family with the same protocol (or 0). 0 or -EINVAL.
int ident_selector(const struct ident *local, const struct ident *remote, struct selector *out);
bool ident_is_address(const struct ident *id);

// Phase 1: this gateway's address, or its name. protocol UDP, port 500, or 0/0 behind `nat`.
void ident_write_addr(struct isakmp_message *m, const struct ip_addr *a, bool nat);
void ident_write_fqdn(struct isakmp_message *m, const char *name, bool nat);
// Both sides of a selector, in the initiator's order: IDci, IDcr.
void ident_write_selector(struct isakmp_message *m, const struct selector *s, bool initiator);

#endif
