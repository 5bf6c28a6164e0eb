// `show interfaces`, `show ip interface brief`, `show arp`: the texts.
#ifndef VIGIL_MANAGE_SHOW_INTERFACE_H
#define VIGIL_MANAGE_SHOW_INTERFACE_H

#include "view.h"

struct text;

// Does an interface with this view carry packets?
bool interface_works(const struct config *c, const struct interface_view *v);
// Its state and its line protocol's; `i` NULL: it is not configured.
const char *interface_state(const struct config *c, const struct config_interface *i,
                            const struct interface_view *v);
const char *interface_protocol(const struct config *c, const struct config_interface *i,
                               const struct interface_view *v);
void interface_mac(const uint8_t mac[6], struct text *out);

void interface_print(const struct config *c, const struct interface_view *v, struct text *out);
void interface_brief_head(struct text *out);
void interface_brief(const struct config *c, const struct interface_view *v, struct text *out);
void interface_description_head(struct text *out);
void interface_description(const struct config *c, const struct interface_view *v,
                           struct text *out);
void interface_arp_head(struct text *out);
void interface_arp(const struct arp_view *v, struct text *out);

#endif
