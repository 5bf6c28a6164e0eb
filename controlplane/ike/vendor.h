// Vendor IDs: what a peer says that it can do.
#ifndef VIGIL_VENDOR_H
#define VIGIL_VENDOR_H

#include "isakmp.h"

enum vendor {
	VENDOR_UNKNOWN,
	VENDOR_DPD,           // RFC 3706
	VENDOR_NAT_T,         // RFC 3947
	VENDOR_NAT_T_02,      // draft-ietf-ipsec-nat-t-ike-02
	VENDOR_NAT_T_02N,     // ... with the newline that many implementations hashed
	VENDOR_NAT_T_03,      // draft-ietf-ipsec-nat-t-ike-03
	VENDOR_XAUTH,         // draft-beaulieu-ike-xauth-02
	VENDOR_UNITY,         // Cisco Unity
	VENDOR_FRAGMENTATION, // Cisco's IKE fragmentation
	VENDOR_STRONGSWAN,
	VENDOR_VIGIL, // our own
	VENDOR_COUNT,
};

// Which one a payload's body is.
enum vendor vendor_recognise(const uint8_t *body, size_t len);
// Of all vendor ID payloads of a message: a bit (1u << enum vendor) each.
uint32_t vendor_scan(const struct isakmp_chain *c);
static inline bool vendor_has(uint32_t set, enum vendor v)
{
	return (set & 1u << v) != 0;
}
// Writes a vendor ID payload; not for VENDOR_UNKNOWN.
void vendor_write(struct isakmp_message *m, enum vendor v);
// "DPD", "NAT-T RFC 3947"; for debug lines.
const char *vendor_name(enum vendor v);

#endif
