// Routes: prefix -> hop; IPv4 in rte_lpm, IPv6 in a prefix table, the hops in one array.
// [C] writes, [W] reads without locks; a hop is constant while a route
// names it, and is used again only when every worker has been quiescent since.
#ifndef VIGIL_DATAPLANE_ROUTE_H
#define VIGIL_DATAPLANE_ROUTE_H

#include <rte_byteorder.h>
#include <rte_lpm.h>

#include "dp_internal.h"
#include "prefix_table.h"

#define ROUTE_HOPS 8192u
#define ROUTE_NONE 0u // hop of destinations without a route

enum route_kind {
	ROUTE_UNREACHABLE,
	ROUTE_GATEWAY,   // by the hop's gateway
	ROUTE_CONNECTED, // the destination is a neighbour
	ROUTE_LOCAL,     // one of the gateway's own addresses
	ROUTE_BROADCAST, // of a connected network, or multicast: not forwarded
	ROUTE_DISCARD,   // what the configuration wants dropped
};

struct route_hop {
	uint32_t gateway; // IPv4, network order
	uint16_t iface;
	uint16_t kind; // enum route_kind
	uint8_t gateway6[16];
};

struct routes_view {
	struct rte_lpm *lpm;
	struct prefix_table *table6;                  // hop as a number
	struct prefix_set set6;                       // IPv6 routes
	struct prefix_set link_local6[DP_IFACES_MAX]; // the gateway's own such addresses
	uint32_t default_hop; // 0.0.0.0/0, which rte_lpm has no depth for; control writes (release)
	uint32_t version; // changes with every change of a route, never 0; control writes (release)
	struct route_hop hops[ROUTE_HOPS];
};

struct routes {
	struct routes_view view;   // what workers see
	struct route_table *table; // control alone
};

// [C] 0 or -errno.
int route_init(struct dp *dp);
void route_fini(struct dp *dp);
// [C] Routes that come from interface settings; they win over static ones. `kind` CONNECTED, LOCAL
// or BROADCAST. 0, -EEXIST (another interface has it), -ENOSPC, -ENOMEM.
int route_iface_add(struct dp *dp, const struct ip_prefix *prefix, uint16_t iface,
                    enum route_kind kind);
void route_iface_del(struct dp *dp, const struct ip_prefix *prefix, uint16_t iface);
// [C] A link-local address of an interface. 0, -ENOSPC.
int route_link_local_add(struct dp *dp, uint16_t iface, const struct ip_addr *addr);
void route_link_local_del(struct dp *dp, uint16_t iface, const struct ip_addr *addr);

// [W], [C] The hop of a destination (network order); ROUTE_NONE if there is none. The index is good
// until the worker's next quiescent state.
static inline uint16_t route_lookup(const struct routes *r, uint32_t dst)
{
	uint32_t hop;

	if (rte_lpm_lookup(r->view.lpm, rte_be_to_cpu_32(dst), &hop) == 0)
		return (uint16_t)hop;
	// Acquire: the hop was filled before it was named.
	return (uint16_t)__atomic_load_n(&r->view.default_hop, __ATOMIC_ACQUIRE);
}

// [W], [C] The same of an IPv6 address. Link-local ones have no routes: they are the business of
// the interface that they came in on.
static inline uint16_t route_lookup6(const struct routes *r, const uint8_t dst[16])
{
	return (uint16_t)(uintptr_t)prefix_table_longest(r->view.table6, &r->view.set6, dst);
}

// [W], [C] Is this link-local address the gateway's own on the interface?
static inline bool route_is_own_link_local(const struct routes *r, uint16_t iface,
                                           const uint8_t addr[16])
{
	return iface < DP_IFACES_MAX &&
	       prefix_table_get(r->view.table6, &r->view.link_local6[iface], addr, 128);
}

// [W] route_lookup() for a destination that keeps its last answer: a look-up only when routes have
// changed since. A remembered hop is still what it was: control takes a hop for other contents only
// when every worker was quiescent after the change of `version`.
static inline uint16_t route_remembered(const struct routes *r, uint32_t dst, uint32_t *version,
                                        uint16_t *hop)
{
	// Acquire: the look-up sees at least the routes of this version.
	uint32_t now = __atomic_load_n(&r->view.version, __ATOMIC_ACQUIRE);

	if (__builtin_expect(*version != now, 0)) {
		*hop = route_lookup(r, dst);
		*version = now;
	}
	return *hop;
}

static inline const struct route_hop *route_hop(const struct routes *r, uint16_t hop)
{
	return &r->view.hops[hop < ROUTE_HOPS ? hop : ROUTE_NONE];
}

#endif
