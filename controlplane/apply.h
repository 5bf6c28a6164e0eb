// From configuration to running gateway: interfaces, routes, crypto map entries, flows. Control
// core only.
#ifndef VIGIL_APPLY_H
#define VIGIL_APPLY_H

#include "config.h"
#include "diff.h"

struct control;

// Puts all of c->config into effect, once, at the start. 0 or -errno; what failed is logged.
int apply_start(struct control *c);
// Makes `next` the running configuration; `changes` is diff_configs(c->config, next). Takes over
// `next` and returns the old configuration. SAs of what has not changed stay; keepalive and
// lifetimes apply to SAs made afterwards. In parts, so that no turn of the loop is long: after
// apply_begin() the new configuration is in force but for what is left for apply_step(), which is
// called until it returns false; the old one and the list of changes stay until then. Until its
// entries are done the policy of all interfaces is held: what no rule decides is dropped.
struct config *apply_begin(struct control *c, struct config *next, const struct diff_list *changes);
bool apply_step(struct control *c);
// All parts at once, for tests.
struct config *apply_config(struct control *c, struct config *next,
                            const struct diff_list *changes);
// Are entries being changed?
bool apply_changes_entries(const struct control *c);
// A port's link went down or came up: so do its routes, those of its subinterfaces, and the static
// routes that lead through them.
void apply_link(struct control *c, uint16_t port, bool up);
// Removes all entries and flows; the peers must have been torn down.
void apply_stop(struct control *c);

// Some of the interface's IPv6 addresses may be used now, or no longer (nd.h).
void apply_interface_addresses(struct control *c, uint16_t iface);

#endif
