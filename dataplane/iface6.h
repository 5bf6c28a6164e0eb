// An interface's IPv6 addresses: their routes, and what workers read of them.
#ifndef VIGIL_DATAPLANE_IFACE6_H
#define VIGIL_DATAPLANE_IFACE6_H

#include "dp_internal.h"

// [C] Makes the routes those of `after`, which were those of `before`. 0; on an error (that of
// route_iface_add()) they are those of `before` again.
int iface6_routes(struct dp *dp, uint16_t iface, const struct dp_iface_config *before,
                  const struct dp_iface_config *after);
// [C] Lets workers read the addresses of iface->config.
void iface6_publish(struct iface *iface);
// [W] The interface's own address towards `dst`: link-local, unique local or global as that is (RFC
// 6724, 5, rules 2 and 6); the other of the latter two where it has none. False: it has neither, or
// they are being changed.
bool iface6_address(const struct iface *iface, const uint8_t dst[16], uint8_t out[16]);

#endif
