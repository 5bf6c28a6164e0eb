// The yardstick: ipsec-mb's IMB_SUBMIT_BURST_NOCHECK called directly on a rig's buffers and keys,
// with nothing of an IPsec gateway around it. One thread.
#ifndef VIGIL_TESTS_PERF_RAW_H
#define VIGIL_TESTS_PERF_RAW_H

#include "rig.h"

struct raw_packet {
	uint8_t *esp; // SPI, sequence number, IV, text, ICV
	const struct sa_keys *out_keys, *in_keys;
	alignas(16) uint8_t nonce[16];
	alignas(16) uint8_t icv[SA_HMAC_STATE_MAX]; // computed when decrypting
};

struct raw {
	IMB_MGR *mgr;
	struct sa shape;
	uint32_t text_len;
	struct raw_packet packets[RIG_BURST];
};

// 0 or -errno.
int raw_start(struct raw *raw);
void raw_stop(struct raw *raw);

// Lays ESP headers and IVs around the rig's inner packets, in their headroom. The inner packets of
// `len` bytes stay where they are, where esp_out encrypts them as well.
void raw_fill(struct raw *raw, struct rig *r, uint16_t len);
// Each packet gets the keys of the next flow.
void raw_ready(struct raw *raw, struct rig *r);

// One burst in place: encrypts with the outbound SAs' keys, decrypts with the inbound SAs'. False:
// ipsec-mb did not complete all of it.
bool raw_encrypt(struct raw *raw);
bool raw_decrypt(struct raw *raw);
// After raw_decrypt(): do all ICVs hold?
bool raw_holds(const struct raw *raw);

#endif
