// See fake_control.h.
#include "fake_control.h"

#include <stdio.h>
#include <stdlib.h>

#include "child.h"
#include "fake_dp.h"
#include "ike_sa.h"
#include "neighbour.h"
#include "peer.h"

void fake_control_tables(struct control *c)
{
	peer_tables_init(c, 16);
	c->max_tunnels = FAKE_TUNNELS;
	c->max_sas = FAKE_SAS;
	c->flow_of_tunnel = calloc(FAKE_TUNNELS, sizeof(*c->flow_of_tunnel));
	c->child_of_sa = calloc(FAKE_SAS, sizeof(*c->child_of_sa));
	c->ports = calloc(DP_IFACES_MAX, sizeof(*c->ports));
	snprintf(c->ports[0], sizeof(c->ports[0]), "FastEthernet0");
	c->n_ports = 1;
	c->neighbours = neighbour_create();
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
	peer_tables_fini(c);
	free(c->flow_of_tunnel);
	free(c->child_of_sa);
	free(c->ports);
}
