// Static routes: which one leads to each prefix, and by which neighbour, with the interfaces that
// carry packets. Pure, any thread. The control core installs these, and the command line shows
// them.
#ifndef VIGIL_WAYS_H
#define VIGIL_WAYS_H

#include "config.h"

#define WAY_DISCARDS UINT16_MAX // a way's interface: what goes there is dropped (Null0)

struct way {
	struct ip_prefix prefix;
	struct ip_addr hop; // the neighbour; family 0: the interface itself
	uint16_t iface;     // as told to reach_add(), or WAY_DISCARDS
	uint32_t route;     // its place in the configuration
};

struct reach; // the interfaces that carry packets, and their networks

// Room for so many interfaces. NULL: no memory.
struct reach *reach_create(unsigned n_interfaces);
void reach_destroy(struct reach *r);
// An interface that carries packets, with the IPv6 addresses that it has.
void reach_add(struct reach *r, uint16_t iface, const struct config_interface *i,
               const struct config_address6 *six, unsigned n6);

// Of the routes to each prefix the usable one with the least distance, in the order of their
// prefixes. Usable is what leads to Null0, through an interface of `r`, or to a next hop on one of
// their networks, or which another static route but a default one leads to, and so on. `ways` has
// room for as many as there are routes. Returns how many there are, or -ENOMEM.
int32_t ways_find(const struct config *config, struct reach *r, struct way *ways);

#endif
