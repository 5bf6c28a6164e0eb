// Multicast listener discovery on the wire (RFC 2710, RFC 3810): what a listener says and hears.
// Any thread; pure.
#ifndef VIGIL_MLD_MESSAGE_H
#define VIGIL_MLD_MESSAGE_H

#include "types.h"

#define MLD_FRAME 90 // bytes of the longest frame that mld_write() makes

struct mld_query {
	struct ip_addr group; // zero: asks for all
	uint8_t from[6];
	uint32_t delay_ms; // the longest time that an answer may take
	bool version1;
};

// A whole Ethernet frame without VLAN tag. 0, -ENOENT (it is no query), -EBADMSG (RFC 3810, 6.2:
// from beyond the link, without a router alert; lengths, checksum).
int mld_read(const uint8_t *frame, size_t len, struct mld_query *out);

struct mld_report {
	struct ip_addr src;   // link-local, or zero
	struct ip_addr group; // that is listened to
	uint8_t from[6];
	bool starts;   // listening begins; else it goes on
	bool version1; // in the words of RFC 2710
};

// Makes the report's frame and returns its length.
size_t mld_write(const struct mld_report *r, uint8_t frame[MLD_FRAME]);

#endif
