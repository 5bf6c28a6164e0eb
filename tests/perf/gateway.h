// The gateway that is measured: a real dataplane with two interfaces and one worker, set up through
// its contract, whose loop the caller plays. One thread is control core and worker by turns.
//
//     10.0.0.0/9, the remote hosts, one a flow -- their gateways 100.64.0.0/10, one a flow
//         -- 192.0.2.254 -- outside 192.0.2.1 [Vigil] inside 172.16.0.1 -- 172.16.0.2
//             -- the local host 172.20.0.1
#ifndef VIGIL_TESTS_PERF_GATEWAY_H
#define VIGIL_TESTS_PERF_GATEWAY_H

#include "dp_internal.h"
#include "sa.h"
#include "suites.h"
#include "worker.h"

enum { GATEWAY_INSIDE, GATEWAY_OUTSIDE, GATEWAY_IFACES };

#define GATEWAY_LOCAL_HOST  0xac140001u // 172.20.0.1
#define GATEWAY_REMOTE_HOST 0x0a000001u // 10.0.0.1 and up: one for each flow

// A flow: a line of the crypto map with a remote host, a tunnel, and a pair of SAs with one peer.
// Its two SAs have the same SPI and keys, so that what leaves by it can come in by it.
struct flow {
	struct handle policy, tunnel, in, out;
	const struct sa_keys *in_keys, *out_keys; // the same bytes in memory of their own
};

struct gateway {
	struct dp *dp;
	struct worker *worker;
	IMB_MGR *mgr; // to warm SAs with
	struct flow *flows;
	uint32_t n_flows, max_flows;
	const struct suite *suite;
	void (*vary)(struct sa_spec *spec,
	             uint32_t i); // tests: what flow i has that others have not
	bool cold;                // tests: SAs wait for their first packet
	struct sa shape;          // an outbound SA: what all of them have in common
};

struct gateway_config {
	unsigned cpu;
	unsigned memory_mb;
	bool hugepages;
	uint16_t mtu;
	uint32_t max_flows;
};

// Starts EAL, the ports and the worker that the caller plays. 0, or -errno and a text in err.
int gateway_start(struct gateway *g, const struct gateway_config *c, char *err, size_t err_size);
void gateway_stop(struct gateway *g);

// From now on there are n flows of this suite; those that there are stay if the suite is the same
// and n not smaller. 0 or -errno.
int gateway_flows(struct gateway *g, const struct suite *suite, uint32_t n);

// A new pair of SAs for flow i, in place of the one that it has. 0 or -errno.
int gateway_rekey(struct gateway *g, uint32_t i);
// Plays the worker until it has no message left.
void gateway_settle(struct gateway *g);
// The first reason for which the worker has dropped a packet since the last call, or NULL: none.
const char *gateway_dropped(struct gateway *g);

#endif
