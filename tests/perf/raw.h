// The yardstick: ipsec-mb's IMB_SUBMIT_BURST_NOCHECK called directly on buffers and keys of the
// gateway's, with nothing of an IPsec gateway around it. One thread.
#ifndef VIGIL_TESTS_PERF_RAW_H
#define VIGIL_TESTS_PERF_RAW_H

#include "rig.h"

#define RAW_BURST   64u  // at most
#define RAW_PACKETS 512u // of one measurement

struct raw_packet {
	struct rte_mbuf *m;
	uint8_t *esp; // SPI, sequence number, IV, text, ICV
	alignas(16) uint8_t nonce[16];
	alignas(16) uint8_t icv[SA_HMAC_STATE_MAX]; // computed when decrypting
};

struct raw {
	IMB_MGR *mgr;
	struct sa shape;
	uint32_t text_len;
	unsigned burst; // the quickest: 32 with AEAD ciphers, 64 where jobs wait for companions
	IMB_JOB *jobs[RAW_BURST];
	struct raw_packet packets[RAW_BURST];
	const struct sa_keys *keys[RAW_PACKETS];
};

// 0 or -errno.
int raw_start(struct raw *raw);
void raw_stop(struct raw *raw);

// Takes a burst of buffers of the rig and lays ESP packets of the gateway's present suite into
// them, of the same text as the rig's frames have. 0 or -ENOMEM.
int raw_open(struct raw *raw, struct rig *r);
void raw_close(struct raw *raw);
// Each of RAW_PACKETS packets gets the keys of the next flow.
void raw_ready(struct raw *raw, struct rig *r, bool encrypt);

// RAW_PACKETS packets in bursts, in place; each is flushed before the next. False: ipsec-mb did not
// complete all.
bool raw_run(struct raw *raw, bool encrypt);
// The same, and the keys of a burst are prefetched before its jobs are filled in.
bool raw_run_prefetched(struct raw *raw, bool encrypt);
// RAW_PACKETS packets, AES-GCM by a call each without jobs, AES-CBC in a burst of ciphers and one
// of hashes; no others.
bool raw_run_calls(struct raw *raw, bool encrypt);

#endif
