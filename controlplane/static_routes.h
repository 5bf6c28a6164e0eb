// Static routes: which of those of the configuration leads to each prefix now, and which of them
// the dataplane has. Control core only.
#ifndef VIGIL_STATIC_ROUTES_H
#define VIGIL_STATIC_ROUTES_H

#include "config.h"
#include "wheel.h"

struct control;
struct network_state;
struct static_way;

struct static_routes {
	struct static_way *ways;  // what leads to each prefix, in their order
	uint32_t n;               // of them
	struct wheel_timer again; // not all could be done
	bool told;                // of that
};

// Makes the dataplane's static routes those of c->config, by what its interfaces and their links
// are now. Routes that stay are not touched, and what is new is there before anything goes. `warn`:
// names the prefixes to which nothing leads. 0, or -ENOMEM, and tried again: all is as it was, or
// the routes are the new ones and what is lost is not known yet.
int static_routes_sync(struct control *c, bool warn);
// Each prefix that has a route in c->config, and whether anything leads there: by what the last
// static_routes_sync() did, or (`anew`) by how interfaces and links are now. `out` has room for all
// routes. Their number, or -ENOMEM.
int32_t static_routes_state(const struct control *c, bool anew, struct network_state *out);
// What leads through subinterfaces that will not be there under `next`, and their networks, is
// dropped until static_routes_sync(): before others get their numbers, and so that nothing takes a
// less specific route meanwhile.
void static_routes_leave(struct control *c, const struct config *next);
// Forgets all; the dataplane keeps what it has.
void static_routes_fini(struct control *c);

#endif
