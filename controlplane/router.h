// The gateway as a router for the hosts of its links: with `ipv6 unicast-routing` it tells them of
// itself and of their networks (RFC 4861, 6.2). Control core only.
#ifndef VIGIL_ROUTER_H
#define VIGIL_ROUTER_H

#include "types.h"

struct control;
struct mld_query;

// Something about the interface has changed: its addresses, its link, its configuration. Before the
// dataplane hears of it, so that hosts can still be told that this is no router any more.
void router_sync(struct control *c, uint16_t iface);
// The interface has come up: a switch that it leads to now knows nothing of what we listen to.
void router_announce(struct control *c, uint16_t iface);
// A host asks for routers: all are told within half a second, but not more than each three seconds
// (6.2.6).
void router_solicited(struct control *c, uint16_t iface);
// A query for listeners, who answer within q->delay_ms.
void router_query(struct control *c, uint16_t iface, const struct mld_query *q);
// The interface is about to go: hosts are told.
void router_leave(struct control *c, uint16_t iface);
// The gateway stops: hosts are told on all links (6.2.5).
void router_stop(struct control *c);
// Frees what the interfaces have.
void router_destroy(struct control *c);

#endif
