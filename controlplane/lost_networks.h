// The networks to which something leads by the configuration, but nothing does now: a link is down,
// an address is not in use yet, a next hop is out of reach. What comes out of a tunnel for one of
// them must not follow a less specific route into the clear. Control core only.
#ifndef VIGIL_LOST_NETWORKS_H
#define VIGIL_LOST_NETWORKS_H

#include "dp.h"
#include "types.h"

struct control;

struct network_state {
	struct ip_prefix prefix;
	bool lost; // else something leads there
};

// The addresses whose most specific network is lost, in their order, into `out`, which has room for
// 2 * n ranges. Sorts `networks`, which may be nested and doubled: one that is lost and is not, is
// not. Returns how many ranges. Pure.
uint32_t lost_ranges(struct network_state *networks, uint32_t n, struct dp_range *out);
// Tells the dataplane what is lost by c->config, links and addresses as they are: beside what it
// knows (`grow`, before routes are taken away), or instead (afterwards). 0, or -ENOMEM: all is as
// it was; static_routes_sync(), which settles, tries again.
int lost_networks_grow(struct control *c);
int lost_networks_settle(struct control *c);
// The same for many addresses that become valid at a time, once.
void lost_networks_settle_soon(struct control *c);
// Frees what is remembered.
void lost_networks_fini(struct control *c);

#endif
