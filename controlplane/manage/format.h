// Small texts that several show commands share, as IOS writes them.
#ifndef VIGIL_MANAGE_FORMAT_H
#define VIGIL_MANAGE_FORMAT_H

#include "suite.h"
#include "types.h"

struct text;

#define FORMAT_TIME 24

// "23:39:38"
const char *format_hms(uint32_t seconds, char out[FORMAT_TIME]);
// "00:00:23", "1d02h", "3w4d": as IOS abbreviates how long something lasts.
const char *format_uptime(uint32_t seconds, char out[FORMAT_TIME]);
// "1 week, 2 days, 1 hour, 5 minutes"
void format_long_time(uint32_t seconds, struct text *out);
// "10.1.0.0/255.255.255.0", or "host 10.1.0.1"
void format_flow_end(const struct ip_prefix *p, uint16_t port, struct text *out);
// A flow's counter: the total of its SAs. What was cleared may have been, in part, of SAs that are
// not listed with it: then it is below zero, and shown as that.
unsigned long long format_total(uint64_t n);
// "esp-256-aes esp-sha256-hmac", the order of words in `show crypto ipsec sa`
void format_transform(const struct esp_suite *s, struct text *out);
// "aes", "3des"; "sha256"
const char *format_ike_cipher(enum ike_cipher c);
const char *format_ike_hash(enum ike_hash h);
// "Fa0" of "FastEthernet0"
const char *format_iface_short(const char *name, char *out, size_t size);

#endif
