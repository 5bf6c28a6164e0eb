// Neighbours on the gateway's interfaces, on behalf of the workers: ARP (RFC 826) for IPv4, for
// IPv6 the table behind neighbour discovery (nd.h). Control core only.
#ifndef VIGIL_NEIGHBOUR_H
#define VIGIL_NEIGHBOUR_H

#include "dp.h"
#include "types.h"

struct control;
struct nd_message;
struct neighbours;

// An empty table with room for so many peers that are neighbours, as far as the dataplane has it
// (DP_NEIGHBOURS_MAX), and for others. NULL with errno ENOMEM.
struct neighbours *neighbour_create(uint32_t max_peers);
void neighbour_destroy(struct control *c);
// A packet waits for this next hop (DP_EVENT_NEIGHBOUR_WANTED), or a route names it as its gateway
// (`keep`: resolved before it is needed, and for as long as it is kept). False: there is no room;
// if it was to be kept, it is not.
bool neighbour_want(struct control *c, uint16_t iface, const struct ip_addr *addr, bool keep);
// Once for each neighbour_want() that kept it.
void neighbour_unkeep(struct control *c, uint16_t iface, const struct ip_addr *addr);
// All of an interface that is about to go, kept or not, within a second: the dataplane gives its
// number to no other one so soon.
void neighbour_forget(struct control *c, uint16_t iface);
// The number is another interface's now. Whoever is still there of the last one goes at once.
void neighbour_iface_new(struct control *c, uint16_t iface);
// Asks all IPv4 neighbours again, within a second; who does not answer is given up after half a
// minute, and used until then.
void neighbour_refresh(struct control *c);
// Nothing comes back by this next hop (RFC 1122, 2.3.2.1; RFC 4861, 7.3.1): it is asked whether it
// is still there, within two seconds by broadcast, and used meanwhile. Of many some.
void neighbour_doubt(struct control *c, uint16_t iface, const struct ip_addr *addr);
// The same of all that are reached by an interface whose link has come up: it may lead elsewhere.
void neighbour_link_up(struct control *c, uint16_t iface);
// One ARP or neighbour discovery frame from the network; anything else is ignored.
void neighbour_frame(struct control *c, const struct dp_view *v);
// A right solicitation for our address, or a right advertisement of an address that is not ours.
void neighbour_solicited(struct control *c, uint16_t iface, const struct ip_addr *addr,
                         const uint8_t mac[6]);
void neighbour_advertised(struct control *c, uint16_t iface, const struct nd_message *m);
// Tells the segment about our address (RFC 5227, 2.3): after an interface has got one or came up.
void neighbour_announce(struct control *c, uint16_t iface, const struct ip_addr *addr);

enum neighbour_state {
	NEIGHBOUR_INCOMPLETE,
	NEIGHBOUR_REACHABLE,
	NEIGHBOUR_STALE,
	NEIGHBOUR_PROBE
};

// One known or wanted neighbour at a time, for `show arp`, in no order: continues behind *cursor,
// false at the end.
struct neighbour_view {
	struct ip_addr addr;
	uint8_t mac[6];
	uint16_t iface;
	bool complete;
	uint8_t state; // enum neighbour_state
	tick_t age;
};
bool neighbour_next(const struct control *c, uint32_t *cursor, struct neighbour_view *out);

#endif
