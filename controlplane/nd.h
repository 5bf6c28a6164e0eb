// Neighbour discovery (RFC 4861) and duplicate address detection (RFC 4862) for the gateway's IPv6
// addresses. Who the neighbours are is kept by neighbour.c. Control core only.
#ifndef VIGIL_ND_H
#define VIGIL_ND_H

#include "config.h"
#include "dp.h"

struct control;
struct mld_query;

// How far the detection of duplicates has come with one of our addresses.
enum nd_state { ND_TENTATIVE, ND_VALID, ND_DUPLICATE };

struct nd_address {
	struct ip_addr addr;
	uint8_t state; // enum nd_state
};

// What an interface is to have from now on, n = 0: nothing. Addresses that it had stay as they are;
// a new one may not be used before nobody has objected for a second, and then the interface is
// applied again.
void nd_set_addresses(struct control *c, uint16_t iface, const struct config_address6 *six,
                      unsigned n);
// The interface has come up: a switch that it leads to now knows nothing of what we listen to.
void nd_announce(struct control *c, uint16_t iface);
// The interface's link has come up, so that its addresses may be somebody else's now (RFC 4862, 5.3
// and 5.4), or has gone: nobody can be asked.
void nd_link(struct control *c, uint16_t iface, bool up);
// False while the address is tentative, and for ever when another node has it.
bool nd_is_usable(const struct control *c, uint16_t iface, const struct ip_addr *addr);
// The addresses of an interface that is up, at most `max`, in no order. Returns their number.
unsigned nd_addresses(const struct control *c, uint16_t iface, struct nd_address *out,
                      unsigned max);
// The link-local one that may be used there, or NULL.
const struct ip_addr *nd_link_local(const struct control *c, uint16_t iface);
// The time within which a query is answered: not more than ten seconds, whatever it says.
tick_t nd_answer_within(const struct mld_query *q);
// Tells switches that somebody here listens to a group: begins to (`starts`) or goes on to, in the
// words of RFC 3810 or of RFC 2710.
void nd_report(struct control *c, uint16_t iface, const struct ip_addr *group, bool starts,
               bool version1);
// Forgets addresses of interfaces that are no longer configured; all of them.
void nd_prune(struct control *c);
void nd_destroy(struct control *c);
// One Ethernet frame with IPv6 in it; anything but a right solicitation (of neighbours or routers)
// or advertisement, or a query for multicast listeners, is ignored.
void nd_frame(struct control *c, const struct dp_view *v);
// Asks for a neighbour: at its own address if `mac` is known, else at its group.
void nd_solicit(struct control *c, uint16_t iface, const struct ip_addr *target,
                const uint8_t *mac);

#endif
