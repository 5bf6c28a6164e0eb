// Addresses, prefixes and selectors: text, comparison, containment.
#ifndef VIGIL_COMMON_ADDR_H
#define VIGIL_COMMON_ADDR_H

#include "types.h"

#define ADDR_TEXT     46 // longest IPv6 text and NUL
#define PREFIX_TEXT   50
#define SELECTOR_TEXT 160

struct salt;

// `host` is an IPv4 address in host byte order.
struct ip_addr addr_v4(uint32_t host);
uint32_t addr_v4_host(const struct ip_addr *a);
// `bytes` are 4 or 16 in network order, chosen by `family` 4 or 6.
struct ip_addr addr_from_bytes(uint8_t family, const uint8_t *bytes);
// Dotted quad or RFC 4291 text. 0, or -EINVAL.
int addr_parse(const char *text, struct ip_addr *out);
// Writes at most ADDR_TEXT bytes and returns `out`; family 0 prints "none".
const char *addr_format(const struct ip_addr *a, char out[ADDR_TEXT]);
bool addr_equal(const struct ip_addr *a, const struct ip_addr *b);
// memcmp order with the family first; for sorting.
int addr_compare(const struct ip_addr *a, const struct ip_addr *b);
bool addr_is_zero(const struct ip_addr *a);
// Bytes of an address of this family: 4, 16 or 0.
unsigned addr_size(uint8_t family);
// fe80::/10
bool addr_is_link_local(const struct ip_addr *a);
// How many bits in front two addresses of one family have in common.
unsigned addr_common_bits(const struct ip_addr *a, const struct ip_addr *b);
// An address that a host may have (RFC 1122, 3.2.1.3; RFC 4291, 2.5): of IPv4 not 0/8, 127/8 and
// from 224.0.0.0 on; of IPv6 not ::, ::1, ff00::/8 and not the IPv4-mapped ones.
bool addr_is_host(const struct ip_addr *a);
// Hashes for tables, under a secret salt: of an address, and of two with the port of the second.
uint64_t addr_hash(const struct salt *salt, const struct ip_addr *a);
uint64_t addr_pair_hash(const struct salt *salt, const struct ip_addr *a, const struct ip_addr *b,
                        uint16_t port);

// Clears the host bits of `a`.
struct ip_prefix prefix_make(const struct ip_addr *a, uint8_t len);
struct ip_prefix prefix_host(const struct ip_addr *a);
bool prefix_equal(const struct ip_prefix *a, const struct ip_prefix *b);
// For sorting: a prefix comes before those that it covers.
int prefix_compare(const struct ip_prefix *a, const struct ip_prefix *b);
bool prefix_contains(const struct ip_prefix *p, const struct ip_addr *a);
// Every address of `inner` is in `outer`.
bool prefix_covers(const struct ip_prefix *outer, const struct ip_prefix *inner);
const char *prefix_format(const struct ip_prefix *p, char out[PREFIX_TEXT]);
// The mask of a prefix length, e.g. 24 -> 255.255.255.0; IPv4 only.
struct ip_addr prefix_mask(uint8_t len);
// The length of a contiguous IPv4 mask, or -EINVAL.
int prefix_len_from_mask(const struct ip_addr *mask);
// The inverse of the mask of a prefix length, of either family: 24 -> 0.0.0.255.
struct ip_addr prefix_wildcard(uint8_t family, uint8_t len);
// The length of the prefix that a wildcard leaves to compare, or -EINVAL if it is none.
int prefix_len_from_wildcard(const struct ip_addr *wildcard);

bool selector_equal(const struct selector *a, const struct selector *b);
// Everything `inner` matches, `outer` matches too.
bool selector_covers(const struct selector *outer, const struct selector *inner);
// Of all of it, and of a number that it belongs to.
uint64_t selector_hash(const struct salt *salt, const struct selector *s, uint64_t number);
// Local and remote exchanged.
struct selector selector_mirror(const struct selector *s);
const char *selector_format(const struct selector *s, char out[SELECTOR_TEXT]);

#endif
