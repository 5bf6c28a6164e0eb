// Which subinterface of the configuration is which interface of the dataplane. Control core only.
// An interface keeps its number as long as its port and VLAN stay; names of c->ports that are empty
// belong to numbers that were taken away.
#include "subinterface.h"

#include <stdio.h>
#include <string.h>

#include "control.h"
#include "neighbour.h"
#include "router.h"

// The main interface's number, or -1. Its name is the subinterface's up to the last dot.
static int main_of(const struct control *c, const char *name)
{
	const char *dot = strrchr(name, '.');
	size_t len = dot ? (size_t)(dot - name) : 0;

	for (unsigned n = 0; len && n < c->n_ports; n++)
		if (!c->vlans[n].vlan && !strncmp(c->ports[n], name, len) &&
		    c->ports[n][len] == '\0')
			return (int)n;
	return -1;
}

static bool is_the_same(const struct control *c, unsigned n, const struct config_interface *i)
{
	const struct dp_vlan_config *v = &c->vlans[n];

	return i && i->vlan == v->vlan && i->native == v->native;
}

bool subinterface_stays(const struct control *c, unsigned n, const struct config *next)
{
	return !c->vlans[n].vlan || is_the_same(c, n, config_find_interface(next, c->ports[n]));
}

static void remove_one(struct control *c, unsigned n)
{
	router_leave(c, (uint16_t)n);
	neighbour_forget(c, (uint16_t)n);
	dp_vlan_del(c->dp, (uint16_t)n);
	c->vlans[n] = (struct dp_vlan_config){0};
	c->ports[n][0] = '\0';
}

static bool is_there(const struct control *c, const char *name)
{
	for (unsigned n = 0; n < c->n_ports; n++)
		if (!strcmp(c->ports[n], name))
			return true;
	return false;
}

static bool add_one(struct control *c, const struct config_interface *i)
{
	struct dp_vlan_config v = {.vlan = i->vlan, .native = i->native};
	int port = main_of(c, i->name), err;
	uint16_t n = 0;

	if (port < 0)
		return false; // check.c has warned
	v.port = (uint16_t)port;
	snprintf(v.name, sizeof(v.name), "%.*s", (int)sizeof(v.name) - 1, i->name);
	err = dp_vlan_add(c->dp, &v, &n);
	if (err < 0) {
		log_msg(&c->log, LOG_ERROR, "LINK", "VLAN", "Interface %s: %s", i->name,
		        strerror(-err));
		return false;
	}
	neighbour_iface_new(c, n);
	c->vlans[n] = v;
	c->vlan_made[n] = ++c->vlans_made;
	c->link_down[n] = c->link_down[port];
	memcpy(c->ports[n], i->name, sizeof(c->ports[n]));
	if (n >= c->n_ports)
		c->n_ports = n + 1u;
	return true;
}

bool subinterface_waits(const struct control *c, const struct config *config)
{
	for (uint32_t k = 0; k < config->n_interfaces; k++) {
		const struct config_interface *i = &config->interfaces[k];

		if (i->vlan && main_of(c, i->name) >= 0 && !is_there(c, i->name))
			return true;
	}
	return false;
}

bool subinterface_sync(struct control *c, const struct config *config)
{
	bool changed = false;

	for (unsigned n = 0; n < c->n_ports; n++) {
		if (!c->vlans[n].vlan ||
		    is_the_same(c, n, config_find_interface(config, c->ports[n])))
			continue;
		remove_one(c, n);
		changed = true;
	}
	for (uint32_t k = 0; k < config->n_interfaces; k++) {
		const struct config_interface *i = &config->interfaces[k];

		if (i->vlan && !is_there(c, i->name))
			changed |= add_one(c, i);
	}
	return changed;
}
