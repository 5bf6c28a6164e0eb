// See fake_control.h.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply.h"
#include "child.h"
#include "child_ends.h"
#include "child_spis.h"
#include "cursor.h"
#include "fake_control.h"
#include "fake_dp.h"
#include "ike_sa.h"
#include "load.h"
#include "lost_networks.h"
#include "neighbour.h"
#include "peer.h"
#include "static_routes.h"

void fake_control_tables(struct control *c)
{
	peer_tables_init(c, 16);
	c->max_tunnels = FAKE_TUNNELS;
	c->max_sas = FAKE_SAS;
	child_spis_init(c);
	c->flow_of_tunnel = calloc(FAKE_TUNNELS, sizeof(*c->flow_of_tunnel));
	c->child_of_sa = calloc(FAKE_SAS, sizeof(*c->child_of_sa));
	c->ports = calloc(DP_IFACES_MAX, sizeof(*c->ports));
	snprintf(c->ports[0], sizeof(c->ports[0]), "FastEthernet0");
	c->n_ports = 1;
	c->neighbours = neighbour_create(FAKE_PEERS);
	slab_init(&c->peers, sizeof(struct peer), FAKE_PEERS);
	slab_init(&c->ike_sas, sizeof(struct ike_sa), FAKE_IKE);
	slab_init(&c->children, sizeof(struct child), FAKE_SAS);
}

void fake_control_free(struct control *c)
{
	neighbour_destroy(c);
	slab_fini(&c->peers);
	slab_fini(&c->ike_sas);
	slab_fini(&c->children);
	child_ends_fini(c);
	child_spis_fini(c);
	peer_tables_fini(c);
	free(c->flow_of_tunnel);
	free(c->child_of_sa);
	free(c->ports);
}

int fake_link_create(struct control *c, const char *text,
                     void (*sink)(void *arg, enum log_level level, const char *line))
{
	struct diag_list diags;
	int err;

	memset(c, 0, sizeof(*c));
	fake_now = 0xffffff00u;
	c->log.sink = sink;
	c->dp = fake_dp_create();
	c->now = fake_now;
	salt_init(&c->salt);
	wheel_init(&c->wheel, c->now);
	err = load_text("test", text, strlen(text), &c->config, &diags);
	diag_fini(&diags);
	c->ports = calloc(1, sizeof(*c->ports));
	strcpy(c->ports[0], "FastEthernet0");
	c->n_ports = 1;
	c->neighbours = neighbour_create(1);
	return err;
}

int fake_link_destroy(struct control *c)
{
	static_routes_fini(c);
	neighbour_destroy(c);
	free(c->ports);
	config_free(c->config);
	lost_networks_fini(c);
	fake_dp_destroy(c->dp);
	return c->wheel.armed ? -1 : 0;
}

void fake_link_pass(struct control *c, tick_t ticks)
{
	for (tick_t i = 0; i < ticks; i++) {
		c->now = ++fake_now;
		wheel_run(&c->wheel, c->now, 100, c);
	}
}

struct config *fake_typed(const struct config *config, const char *const *lines,
                          struct diff_list *changes)
{
	struct config *next = config_clone(config);
	struct config_cursor cur;
	struct diag_list diags;

	cursor_init(&cur);
	diag_init(&diags, NULL);
	for (; *lines; lines++)
		assert_int_equal(cursor_enter(next, &cur, *lines, 0, &diags), 0);
	diag_fini(&diags);
	assert_int_equal(diff_configs(config, next, changes), 0);
	return next;
}

void fake_change(struct control *c, const char *const *lines)
{
	struct diff_list changes;
	struct config *next = fake_typed(c->config, lines, &changes);

	config_free(apply_config(c, next, &changes));
	diff_fini(&changes);
}
