// Ports: ethdevs and their queues. [C] before launch and after the workers stopped,
// except where said.
#ifndef VIGIL_DATAPLANE_PORT_H
#define VIGIL_DATAPLANE_PORT_H

#include <rte_ethdev.h>

#include "worker.h"

#define PORT_DESCRIPTORS 512 // of a queue

// The ethdev of a device string: its name is what comes before the first comma. 0 or -errno.
int port_find(const char *device, uint16_t *port);
// Opens, configures and starts port `index` and deals its queues out to the workers. 0 or -errno.
int port_open(struct dp *dp, uint16_t index, const struct dp_port_config *config, char *err,
              size_t err_size);
void port_close(struct dp *dp, uint16_t index);

// Sends a frame from the control core: by its own TX queue if the port has one, else by a ring that
// the port's first worker drains. Takes it. 0 or -EAGAIN. [C] at any time.
int port_send(struct dp *dp, uint16_t index, struct rte_mbuf *frame);
// Gives an IP packet of either family to the port's first worker to route. Takes it. 0 or -EAGAIN.
// [C]
int port_send_by_worker(struct dp *dp, uint16_t index, struct rte_mbuf *m);

#endif
