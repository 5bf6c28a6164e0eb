// `show ipv6 interface [brief]` and `show ipv6 neighbors`: the texts.
#ifndef VIGIL_MANAGE_SHOW_IPV6_H
#define VIGIL_MANAGE_SHOW_IPV6_H

#include "view.h"

struct text;

// Nothing of an interface without IPv6.
void ipv6_interface(const struct config *c, const struct interface_view *v, struct text *out);
void ipv6_brief(const struct config *c, const struct interface_view *v, struct text *out);
void ipv6_neighbors_head(struct text *out);
void ipv6_neighbor(const struct arp_view *v, struct text *out);

#endif
