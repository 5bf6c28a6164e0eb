// `show interfaces`, `show ip interface brief`, `show ip route`, `show arp`: the texts.
#ifndef VIGIL_MANAGE_SHOW_INTERFACE_H
#define VIGIL_MANAGE_SHOW_INTERFACE_H

#include "view.h"

// Does an interface with this view carry packets?
bool interface_works(const struct config *c, const struct interface_view *v);

struct text;

void interface_print(const struct config *c, const struct interface_view *v, struct text *out);
void interface_brief_head(struct text *out);
void interface_brief(const struct config *c, const struct interface_view *v, struct text *out);
// `up`: for each interface of the configuration, whether it carries packets now.
void interface_routes(const struct config *c, const bool *up, struct text *out);
// `show ipv6 interface brief`, `show ipv6 route` and `show ipv6 neighbors`.
void interface_brief6(const struct config *c, const struct interface_view *v, struct text *out);
void interface_routes6_head(struct text *out);
void interface_connected6(const struct config *c, const struct interface_view *v, struct text *out);
void interface_routes6(const struct config *c, struct text *out);
void interface_neighbors_head(struct text *out);
void interface_neighbor(const struct arp_view *v, struct text *out);
void interface_arp_head(struct text *out);
void interface_arp(const struct arp_view *v, struct text *out);

#endif
