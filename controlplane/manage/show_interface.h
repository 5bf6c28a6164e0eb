// `show interfaces`, `show ip interface brief`, `show ip route`, `show arp`: the texts.
#ifndef VIGIL_MANAGE_SHOW_INTERFACE_H
#define VIGIL_MANAGE_SHOW_INTERFACE_H

#include "view.h"

struct text;

void interface_print(const struct config *c, const struct interface_view *v, struct text *out);
void interface_brief_head(struct text *out);
void interface_brief(const struct config *c, const struct interface_view *v, struct text *out);
void interface_routes(const struct config *c, struct text *out);
void interface_arp_head(struct text *out);
void interface_arp(const struct arp_view *v, struct text *out);

#endif
