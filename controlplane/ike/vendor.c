// Vendor IDs as they stand in payload 13. Any thread; pure.
// MD5 sums of texts, except DPD's and Unity's, whose last two bytes are a version.
#include "vendor.h"

struct vendor_entry {
	uint8_t id[16];
	uint8_t len;   // bytes that are sent
	uint8_t match; // bytes that must agree; the rest is a version or capabilities
	const char *name;
};

static const struct vendor_entry vendors[VENDOR_COUNT] = {
	[VENDOR_UNKNOWN] = {.name = "unknown"},
	[VENDOR_DPD] = {{0xaf, 0xca, 0xd7, 0x13, 0x68, 0xa1, 0xf1, 0xc9, 0x6b, 0x86, 0x96, 0xfc,
                         0x77, 0x57, 0x01, 0x00},
                        16,
                        15, // the major version is 1, any minor
                        "DPD"},
	[VENDOR_NAT_T] = {{0x4a, 0x13, 0x1c, 0x81, 0x07, 0x03, 0x58, 0x45, 0x5c, 0x57, 0x28, 0xf2,
                           0x0e, 0x95, 0x45, 0x2f},
                          16,
                          16,
                          "NAT-T RFC 3947"},
	[VENDOR_NAT_T_02] = {{0xcd, 0x60, 0x46, 0x43, 0x35, 0xdf, 0x21, 0xf8, 0x7c, 0xfd, 0xb2,
                              0xfc, 0x68, 0xb6, 0xa4, 0x48},
                             16,
                             16,
                             "NAT-T v2"},
	[VENDOR_NAT_T_02N] = {{0x90, 0xcb, 0x80, 0x91, 0x3e, 0xbb, 0x69, 0x6e, 0x08, 0x63, 0x81,
                               0xb5, 0xec, 0x42, 0x7b, 0x1f},
                              16,
                              16,
                              "NAT-T v2"},
	[VENDOR_NAT_T_03] = {{0x7d, 0x94, 0x19, 0xa6, 0x53, 0x10, 0xca, 0x6f, 0x2c, 0x17, 0x9d,
                              0x92, 0x15, 0x52, 0x9d, 0x56},
                             16,
                             16,
                             "NAT-T v3"},
	[VENDOR_XAUTH] = {{0x09, 0x00, 0x26, 0x89, 0xdf, 0xd6, 0xb7, 0x12}, 8, 8, "XAUTH"},
	[VENDOR_UNITY] = {{0x12, 0xf5, 0xf2, 0x8c, 0x45, 0x71, 0x68, 0xa9, 0x70, 0x2d, 0x9f, 0xe2,
                           0x74, 0xcc, 0x01, 0x00},
                          16,
                          14,
                          "Unity"},
	[VENDOR_FRAGMENTATION] = {{0x40, 0x48, 0xb7, 0xd5, 0x6e, 0xbc, 0xe8, 0x85, 0x25, 0xe7, 0xde,
                                   0x7f, 0x00, 0xd6, 0xc2, 0xd3},
                                  16,
                                  16,
                                  "IKE fragmentation"},
	[VENDOR_STRONGSWAN] = {{0x88, 0x2f, 0xe5, 0x6d, 0x6f, 0xd2, 0x0d, 0xbc, 0x22, 0x51, 0x61,
                                0x3b, 0x2e, 0xbe, 0x5b, 0xeb},
                               16,
                               16,
                               "strongSwan"},
	[VENDOR_VIGIL] = {{0xc0, 0x8f, 0x75, 0xd1, 0xd7, 0x0b, 0xf0, 0x68, 0x01, 0x3b, 0x32, 0xf6,
                           0x0f, 0xe9, 0x6a, 0x5b},
                          16,
                          16,
                          "Vigil"},
};

// A longer body is the same vendor with something behind (Cisco's fragmentation: capabilities).
enum vendor vendor_recognise(const uint8_t *body, size_t len)
{
	for (unsigned v = VENDOR_UNKNOWN + 1; v < VENDOR_COUNT; v++) {
		if (len >= vendors[v].len && memcmp(body, vendors[v].id, vendors[v].match) == 0)
			return (enum vendor)v;
	}
	return VENDOR_UNKNOWN;
}

uint32_t vendor_scan(const struct isakmp_chain *c)
{
	uint32_t set = 0;

	for (unsigned i = 0; i < c->count; i++) {
		if (c->payloads[i].type == ISAKMP_VENDOR)
			set |= 1u << vendor_recognise(c->payloads[i].body, c->payloads[i].len);
	}
	return set;
}

void vendor_write(struct isakmp_message *m, enum vendor v)
{
	isakmp_payload_put(m, ISAKMP_VENDOR, vendors[v].id, vendors[v].len);
}

const char *vendor_name(enum vendor v)
{
	return vendors[v].name;
}
