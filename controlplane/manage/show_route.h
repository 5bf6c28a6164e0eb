// `show ip route` and `show ipv6 route`: what is in force, in the words of IOS.
#ifndef VIGIL_MANAGE_SHOW_ROUTE_H
#define VIGIL_MANAGE_SHOW_ROUTE_H

#include "view.h"

struct text;

// What the routes need to know of each interface of the configuration.
struct route_interface {
	bool up; // carries packets now
	unsigned n6;
	struct config_address6 six[CONFIG_ADDRESSES6]; // the link-local one first
	bool usable[CONFIG_ADDRESSES6];                // nobody else has it
};

// Puts a view into `all`, which has a place for each of the configuration's interfaces.
void route_note(const struct config *c, const struct interface_view *v,
                struct route_interface *all);
// 0 or -ENOMEM.
int route_print(const struct config *c, const struct route_interface *all, struct text *out);
int route_print6(const struct config *c, const struct route_interface *all, struct text *out);
// The route that IPv4 packets to `to` take, of all the one with the longest prefix. 0, -ENOENT
// (none), -ENOMEM.
int route_print_to(const struct config *c, const struct route_interface *all,
                   const struct ip_addr *to, struct text *out);

#endif
