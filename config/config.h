// The configuration as plain data: what a startup file says, after names and numbers were checked.
// A struct config is built by load.h or edited line by line through cursor.h, and never changed
// once it is in use: a change is made on a clone. Arrays are sorted as each says, so that look-ups
// are binary searches. `line` is the line of the source where the object was opened (0 when typed);
// it is not part of a comparison.
#ifndef VIGIL_CONFIG_CONFIG_H
#define VIGIL_CONFIG_CONFIG_H

#include "sa_spec.h"
#include "types.h"

#define CONFIG_MTU             1500 // where none is configured
#define CONFIG_NAME            64   // bytes of a name with its NUL
#define CONFIG_DOMAIN          192 // bytes of a domain with its NUL: with a host name 255 (RFC 1035)
#define CONFIG_SECRET          129 // bytes of a pre-shared key with its NUL
#define CONFIG_TEXT            241 // bytes of a description or remark with its NUL
#define CONFIG_PATH            108 // bytes of a path with its NUL (sun_path)
#define CONFIG_DEVICE          256 // bytes of a device string with its NUL
#define CONFIG_PORTS           32  // most ports; bytes of a port's name and device with their NULs
#define CONFIG_PORT_NAME       32
#define CONFIG_PORT_DEVICE     192
#define CONFIG_CORES           64  // most worker cores
#define CONFIG_SETS            11  // most transform sets of a crypto map entry
#define CONFIG_PEERS           16  // most peers of one
#define CONFIG_HASH            256 // bytes of a crypt(3) text with its NUL
#define CONFIG_SESSION_KEY     64  // most bytes of a manual key
#define CONFIG_REPLAY_DISABLED 0

#define CONFIG_POLICY_LIFETIME 86400 // seconds; also the largest
#define CONFIG_SA_SECONDS      3600
#define CONFIG_SA_KILOBYTES    4608000
#define CONFIG_NO_KILOBYTES    UINT64_MAX // volume ends no SA
#define CONFIG_REPLAY_WINDOW   64         // packets
#define CONFIG_SOCKET          "/run/vigil/vigil.sock"
#define CONFIG_KEEPALIVE_RETRY 2 // seconds

enum config_idle { CONFIG_IDLE_POLL, CONFIG_IDLE_ADAPTIVE };

struct config_port {
	char name[CONFIG_NAME]; // canonical interface name
	// A PCI address ("0000:01:00.0") or a vdev string ("net_af_packet0,iface=gw-wan").
	char device[CONFIG_DEVICE];
	uint16_t rx_queues; // 0 = as many as there are workers
	uint32_t line;
};

struct config_platform {
	uint16_t workers; // always set; equals n_worker_cores when cores are listed
	uint16_t worker_cores[CONFIG_CORES];
	uint16_t n_worker_cores; // 0 = not pinned by the configuration
	int32_t control_core;    // -1 = not given
	uint32_t memory_mb;
	bool hugepages; // true unless `no hugepages`
	enum config_idle idle;
	uint32_t max_peers;
	uint32_t max_sas;
	char socket[CONFIG_PATH];  // the CLI's Unix socket
	struct config_port *ports; // in the order of the file
	uint32_t n_ports;
};

struct config_logging {
	bool on;
	uint32_t buffered;        // bytes, 0 = no buffer
	int8_t console;           // enum log_level, -1 = none
	char file[CONFIG_DEVICE]; // "" = none
	struct ip_addr *hosts;    // `logging host`; not active in this version
	uint32_t n_hosts;
};

enum config_duplex {
	CONFIG_DUPLEX_UNSET,
	CONFIG_DUPLEX_AUTO,
	CONFIG_DUPLEX_HALF,
	CONFIG_DUPLEX_FULL
};

#define CONFIG_SPEED_UNSET 0
#define CONFIG_SPEED_AUTO  1

struct config_ezvpn_use {
	char name[CONFIG_NAME];
	bool inside; // else outside
};

// The DF bit of outer headers, and which side of the encryption a packet that is too long is cut
// on. UNSET: of an interface, what holds for the gateway; of the gateway, copy and before.
enum config_df { CONFIG_DF_UNSET, CONFIG_DF_COPY, CONFIG_DF_CLEAR, CONFIG_DF_SET };
enum config_fragmentation {
	CONFIG_FRAGMENTATION_UNSET,
	CONFIG_FRAGMENTATION_BEFORE,
	CONFIG_FRAGMENTATION_AFTER,
};

#define CONFIG_ADDRESSES6 8    // most IPv6 addresses of an interface, the link-local one included
#define CONFIG_MTU6_MIN   1280 // RFC 8200, 5

struct config_address6 {
	struct ip_addr addr; // as entered; of an EUI-64 address the host bits count for nothing
	uint8_t prefix_len;  // 128 for a link-local address
	bool link_local;     // `ipv6 address X link-local`
	bool eui64;          // the lower half is made from the interface's MAC address
};

#define CONFIG_ADVERT_PREFIXES 16 // most `ipv6 nd prefix` lines of an interface

// When hosts are told of this router; in the words of `ipv6 nd ra`: nothing, `suppress`, `suppress
// all`
enum config_advert_when { CONFIG_ADVERT_ALWAYS, CONFIG_ADVERT_ASKED, CONFIG_ADVERT_NEVER };

// RFC 4191, 2.1, as it is on the wire
enum config_router_preference {
	CONFIG_ROUTER_MEDIUM = 0,
	CONFIG_ROUTER_HIGH = 1,
	CONFIG_ROUTER_LOW = 3,
};

// What router advertisements say (RFC 4861, 6.2.1).
struct config_advert {
	enum config_advert_when when;
	uint32_t interval, interval_min; // ms between two; 0 = the default, see config_advert()
	uint16_t lifetime;               // seconds that hosts may use the router by default
	bool lifetime_set;               // else it is the default
	bool managed, other;             // hosts find addresses, or other things, by DHCPv6
	enum config_router_preference preference;
};

// `ipv6 nd prefix`: what hosts are told of a network
struct config_advert_prefix {
	struct ip_prefix prefix;      // family 0 = `default`: those of the interface's addresses
	uint32_t valid, preferred;    // seconds; UINT32_MAX = for ever
	bool hidden;                  // nothing: `no-advertise`
	bool off_link, no_autoconfig; // its hosts are not on the link; make no addresses of it
};

struct config_interface {
	char name[CONFIG_NAME]; // canonical, "FastEthernet0"
	struct ip_addr address; // family 0 = none
	uint8_t prefix_len;
	uint16_t mtu;    // 0 = the main interface's, or the default, 1500
	uint16_t ip_mtu; // 0 = the same
	uint16_t vlan;   // of a subinterface, 1-4094; 0 = none
	bool native;     // its frames have no tag
	enum config_df df;
	enum config_fragmentation fragmentation;
	uint16_t mss, mss6; // of TCP over IPv4 (500-1460) and IPv6 (40-1454); 0 = not adjusted
	char crypto_map[CONFIG_NAME];       // "" = none
	struct config_address6 *addresses6; // in the order of entry, at most CONFIG_ADDRESSES6,
	                                    // of them one less that are not link-local
	uint32_t n_addresses6;
	bool ipv6_enable;              // a link-local address even without another
	uint16_t mtu6;                 // `ipv6 mtu`; 0 = the interface's
	char crypto_map6[CONFIG_NAME]; // `ipv6 crypto map`; "" = none
	struct config_advert advert;
	struct config_advert_prefix *advert_prefixes; // in the order of entry
	uint32_t n_advert_prefixes;
	bool shutdown;
	char description[CONFIG_TEXT];
	uint32_t
		speed; // CONFIG_SPEED_UNSET, CONFIG_SPEED_AUTO or Mbit/s; accepted, shown, not used
	enum config_duplex duplex;      // accepted, shown, not used
	struct config_ezvpn_use *ezvpn; // not active in this version
	uint32_t n_ezvpn;
	uint32_t line, address_line; // address_line: of its `ip address`
};

enum config_encr { CONFIG_ENCR_DES, CONFIG_ENCR_3DES, CONFIG_ENCR_AES };
enum config_hash {
	CONFIG_HASH_MD5,
	CONFIG_HASH_SHA1,
	CONFIG_HASH_SHA256,
	CONFIG_HASH_SHA384,
	CONFIG_HASH_SHA512,
};
enum config_auth { CONFIG_AUTH_RSA_SIG, CONFIG_AUTH_PRE_SHARE };

// crypto isakmp policy; sorted by priority, low first = preferred
struct config_policy {
	uint16_t priority; // 1-10000
	enum config_encr encr;
	uint16_t key_bits; // AES: 128, 192, 256; else 0
	enum config_hash hash;
	enum config_auth auth;
	uint8_t group;     // Diffie-Hellman group number
	uint32_t lifetime; // seconds, 60-86400
	uint32_t line;
};

// crypto isakmp key; keys for addresses come first, the longest mask first, then by prefix; then
// those for host names, by name
struct config_key {
	struct ip_addr address; // as entered, host bits and all; family 0 = for a host name, which
	                        // is not active in this version
	uint8_t prefix_len;
	char hostname[CONFIG_NAME];
	uint8_t type; // 0 = text; 6 = encrypted by IOS, which cannot be used here
	char secret[CONFIG_SECRET];
	bool no_xauth;
	uint32_t line;
};

enum config_identity { CONFIG_IDENTITY_ADDRESS, CONFIG_IDENTITY_DN, CONFIG_IDENTITY_HOSTNAME };

struct config_keepalive {
	uint16_t seconds; // 10-3600; 0 = no `crypto isakmp keepalive`: no probe is ever sent
	uint8_t retry;    // 2-60
	bool periodic;    // else on-demand
};

struct config_isakmp {
	enum config_identity identity;
	struct config_keepalive keepalive;
	uint16_t nat_keepalive; // 5-3600 seconds; 0 = off
	// Admission; 0 = not configured.
	uint32_t sa_limit;          // IKE SAs, 1-1000000
	uint32_t negotiation_limit; // IKE SAs that are being negotiated, 10-99999
	uint32_t ipsec_limit;       // IPsec SAs, 2-2000000
	uint32_t rate_limit;        // phase 1 exchanges that are admitted a second, 1-100000
	bool invalid_spi_recovery;
	bool aggressive_disabled;
};

// Dummy packets of each SA: `pps` a second, or one every so many seconds; both 0 = none.
struct config_dummy {
	bool set; // of an entry: instead of the global value
	uint16_t pps, seconds;
};

// Replay protection of an entry's SAs: packets, as of the global value.
struct config_replay {
	bool set; // else the global value
	uint32_t window;
};

// `crypto ipsec ipv4-deny`: what a deny line of a crypto ACL means. JUMP, on to the next entry, is
// what holds; the others are not active in this version.
enum config_deny { CONFIG_DENY_JUMP, CONFIG_DENY_CLEAR, CONFIG_DENY_DROP };

// crypto ipsec security-association ...
struct config_ipsec {
	uint32_t seconds;          // 120-86400
	uint64_t kilobytes;        // 2560-4294967295, or CONFIG_NO_KILOBYTES
	uint32_t replay_window;    // packets, 64-4096; CONFIG_REPLAY_DISABLED = off; see
	                           // config_map_entry_replay()
	uint32_t idle_time;        // seconds, 60-86400; 0 = off; not active in this version
	bool esn;                  // extended sequence numbers; see config_map_entry_esn()
	struct config_dummy dummy; // see config_map_entry_dummy()
	enum config_df df;
	enum config_fragmentation fragmentation;
	enum config_deny deny;
};

// crypto ipsec transform-set; sorted by name
struct config_transform_set {
	char name[CONFIG_NAME];
	enum sa_cipher cipher;
	uint16_t key_bits; // AES: 128, 192, 256; else 0
	enum sa_auth auth;
	enum sa_mode mode; // transport: between the two gateways, and for other traffic a tunnel,
	bool require;      // unless it is required
	uint32_t line;
};

struct config_peer {
	struct ip_addr address; // family 0 = hostname counts; not active in this version
	char hostname[CONFIG_NAME];
	bool dynamic;    // resolve again for each SA
	bool is_default; // `set peer X default`
};

// `set session-key`: the keys of one direction as entered. They may be longer than the transform
// takes; then the rest is not used.
struct config_session_key {
	uint32_t spi; // 256-4294967295; inbound below 2^31; 0 = not set
	uint8_t cipher_len, auth_len;
	uint8_t cipher[CONFIG_SESSION_KEY]; // AES-GCM: key, then 4 bytes of salt (RFC 4106, 8.1)
	uint8_t auth[CONFIG_SESSION_KEY];
};

struct config_manual {
	struct config_session_key in, out;
};

#define CONFIG_DYNAMIC 65536u // entries of dynamic maps lie behind those of crypto maps

// One sequence number of a crypto map, or of a dynamic map, which is a template for peers that no
// entry names; sorted by name, then sequence number
struct config_map_entry {
	char map[CONFIG_NAME];
	uint32_t seq;              // 1-65535; of a dynamic map CONFIG_DYNAMIC + 1-65535
	char dynamic[CONFIG_NAME]; // `ipsec-isakmp dynamic`: the dynamic map that it stands for; ""
	                           // = none; it has nothing else then
	bool ipv6;                 // `crypto map ipv6`; the same for all entries of a map
	struct config_manual *manual; // ipsec-manual; NULL = ipsec-isakmp
	struct config_peer *peers;    // in order of preference
	uint32_t n_peers;
	char (*sets)[CONFIG_NAME]; // transform-set names in order of preference, at most
	                           // CONFIG_SETS
	uint32_t n_sets;
	char acl[CONFIG_NAME]; // number or name; "" = none
	uint8_t pfs_group;     // 0 = no PFS
	uint32_t seconds;      // 0 = the global value
	uint64_t kilobytes;    // 0 = the global value; CONFIG_NO_KILOBYTES
	uint32_t idle_time;    // 0 = the global value; not active in this version
	bool idle_default;     // ... and then on to the default peer
	bool esn;              // extended sequence numbers, whatever the global value
	struct config_replay replay;
	struct config_dummy dummy;
	char *description; // NULL = none
	uint32_t line;
};

enum config_acl_action { CONFIG_ACL_PERMIT, CONFIG_ACL_DENY, CONFIG_ACL_REMARK };
enum config_port_op {
	CONFIG_PORT_ANY,
	CONFIG_PORT_EQ,
	CONFIG_PORT_NEQ,
	CONFIG_PORT_LT,
	CONFIG_PORT_GT,
	CONFIG_PORT_RANGE,
};

struct config_acl_end {
	struct ip_addr address;  // bits that the wildcard ignores are zero
	struct ip_addr wildcard; // a set bit is not compared; of IPv6 the inverse of a prefix
	enum config_port_op op;
	uint16_t port;      // host order
	uint16_t port_high; // CONFIG_PORT_RANGE only
};

struct config_acl_line {
	uint32_t seq;  // 1-2147483647; a remark's is the number of the line that it stands above
	uint32_t note; // CONFIG_ACL_REMARK only: their order above one line, from 1
	enum config_acl_action action;
	uint8_t protocol; // IP protocol number; 0 = `ip` or `ipv6`, any
	struct config_acl_end source, destination;
	// A remark. Of a permit or deny what narrows it further (`established`, `dscp ef`, a second
	// port), as it was typed, which no crypto map can use; NULL = nothing.
	char *text;
	uint32_t line;
};

// An extended access list, numbered or named, or an IPv6 access list; sorted by name (both kinds
// share the names), its lines by sequence number. A number has one permit or deny at most, and in
// front of it any number of remarks, as in IOS, where these have no number of their own.
struct config_acl {
	char name[CONFIG_NAME]; // "101" or a name
	bool ipv6;              // `ipv6 access-list`: all addresses are IPv6
	struct config_acl_line *lines;
	uint32_t n_lines;
	uint32_t tail;           // belongs to config.c
	struct acl_index *index; // belongs to acl_index.c
	uint32_t line;
};

// The interface of routes that discard.
#define CONFIG_NULL "Null0"

// ip route, ipv6 route; sorted by prefix (IPv4 first), next hop, interface
struct config_route {
	struct ip_prefix prefix;
	struct ip_addr next_hop;     // family 0 = none, the interface alone
	char interface[CONFIG_NAME]; // "" = found by the next hop
	uint8_t distance;            // 1-255
	char label[CONFIG_NAME];     // `name`, which is for people; "" = none
	uint32_t line;
};

enum config_ezvpn_connect { CONFIG_EZVPN_AUTO, CONFIG_EZVPN_MANUAL };
enum config_ezvpn_mode {
	CONFIG_EZVPN_CLIENT,
	CONFIG_EZVPN_NETWORK_EXTENSION,
	CONFIG_EZVPN_NETWORK_PLUS
};

// crypto ipsec client ezvpn; sorted by name; loads, but is not active in this version
struct config_ezvpn {
	char name[CONFIG_NAME];
	enum config_ezvpn_connect connect;
	enum config_ezvpn_mode mode;
	char group[CONFIG_NAME];
	char group_key[CONFIG_SECRET];
	char username[CONFIG_NAME];
	char password[CONFIG_SECRET];
	uint32_t idle_time; // seconds, 0 = off
	struct config_peer *peers;
	uint32_t n_peers;
	uint32_t line;
};

// The lists of a configuration; also the kinds of change that diff.h reports.
enum config_kind {
	CONFIG_INTERFACE,
	CONFIG_POLICY,
	CONFIG_KEY,
	CONFIG_TRANSFORM_SET,
	CONFIG_MAP_ENTRY,
	CONFIG_ACL,
	CONFIG_ROUTE,
	CONFIG_EZVPN,
	CONFIG_LISTS,                   // above: lists; below: single values
	CONFIG_HOSTNAME = CONFIG_LISTS, // and domain
	CONFIG_ENABLE,
	CONFIG_LOGGING,
	CONFIG_PLATFORM,
	CONFIG_ISAKMP,
	CONFIG_IPSEC,
	CONFIG_IPV6,
	CONFIG_KINDS,
};

struct config {
	char hostname[CONFIG_NAME];        // "Router" when not given
	char domain[CONFIG_DOMAIN];        // of `ip domain name`; "" = none
	char enable_secret[CONFIG_HASH];   // crypt(3) text; "" = none
	char enable_password[CONFIG_HASH]; // the same; counts only where there is no secret
	uint8_t enable_secret_type, enable_password_type; // as typed: 5, 8, 9; 0 = no hash
	struct config_logging logging;
	struct config_platform platform;
	struct config_isakmp isakmp;
	struct config_ipsec ipsec;
	bool ipv6_unicast_routing; // without it no IPv6 packet is forwarded

	struct config_interface *interfaces;
	struct config_policy *policies;
	struct config_key *keys;
	struct config_transform_set *transform_sets;
	struct config_map_entry *map_entries;
	struct config_acl *acls;
	struct config_route *routes;
	struct config_ezvpn *ezvpns;
	uint32_t n_interfaces, n_policies, n_keys, n_transform_sets;
	uint32_t n_map_entries, n_acls, n_routes, n_ezvpns;

	uint32_t tail[CONFIG_LISTS]; // belongs to config.c
	// How many configurations have the list, see share.h; NULL = this one alone.
	_Atomic uint32_t *shares[CONFIG_LISTS];
};

// An empty configuration with all defaults, or NULL with errno.
struct config *config_create(void);
// A copy, or NULL with errno. Lists that nobody changes are shared with it; either may be changed
// or freed, in any thread.
struct config *config_clone(const struct config *c);
// Wipes secrets and frees; NULL is fine.
void config_free(struct config *c);
bool config_equal(const struct config *a, const struct config *b);

// What is asked for by `enable`, as a crypt(3) text: the secret, or else the password; "" =
// nothing.
static inline const char *config_enable_hash(const struct config *c)
{
	return c->enable_secret[0] ? c->enable_secret : c->enable_password;
}

// Whether `password` opens privileged mode; true when nothing is asked for. Takes milliseconds by
// design (crypt(3)): never on the control core.
bool config_enable_check(const struct config *c, const char *password);

// Look-ups; NULL when there is none. Interface names are canonical (config_interface_name).
const struct config_interface *config_find_interface(const struct config *c, const char *name);
const struct config_port *config_find_port(const struct config *c, const char *name);
const struct config_policy *config_find_policy(const struct config *c, uint16_t priority);
const struct config_transform_set *config_find_transform_set(const struct config *c,
                                                             const char *name);
const struct config_acl *config_find_acl(const struct config *c, const char *name);
const struct config_ezvpn *config_find_ezvpn(const struct config *c, const char *name);
const struct config_map_entry *config_find_map_entry(const struct config *c, const char *map,
                                                     uint32_t seq);
// The entries of a map in sequence order: the first, with their number in *n; NULL and 0 if none.
const struct config_map_entry *config_map_entries(const struct config *c, const char *map,
                                                  uint32_t *n);
// The same of a dynamic map.
const struct config_map_entry *config_dynamic_entries(const struct config *c, const char *map,
                                                      uint32_t *n);
// An entry of a dynamic map?
static inline bool config_is_dynamic(const struct config_map_entry *e)
{
	return e->seq > CONFIG_DYNAMIC;
}

// For messages: "map" or "dynamic-map", and the sequence number as it is typed.
static inline const char *config_map_kind(const struct config_map_entry *e)
{
	return config_is_dynamic(e) ? "dynamic-map" : "map";
}

static inline uint32_t config_map_number(const struct config_map_entry *e)
{
	return config_is_dynamic(e) ? e->seq - CONFIG_DYNAMIC : e->seq;
}

// The port of an interface, or of a subinterface's main interface ("GigabitEthernet0/0.100" is one
// unless there is a port with just that name); NULL if the platform section has none.
const struct config_port *config_interface_port(const struct config *c, const char *name,
                                                bool *is_sub);
// The main interface of a subinterface that has a VLAN, if it is configured.
const struct config_interface *config_interface_main(const struct config *c,
                                                     const struct config_interface *i);
// Neither it nor its main interface is shut down.
bool config_interface_up(const struct config *c, const struct config_interface *i);
// The longest IPv4 packet, and the longest IPv6 packet, that leaves it in one piece.
uint16_t config_interface_mtu(const struct config *c, const struct config_interface *i);
uint16_t config_interface_mtu6(const struct config *c, const struct config_interface *i);
// What holds on an interface; never UNSET.
enum config_df config_interface_df(const struct config *c, const struct config_interface *i);
enum config_fragmentation config_interface_fragmentation(const struct config *c,
                                                         const struct config_interface *i);
// The pre-shared key for a peer: the longest mask wins. NULL if there is none, or if the winner is
// a type 6 key, which cannot be read here.
const struct config_key *config_find_key(const struct config *c, const struct ip_addr *peer);

// Whether this version can negotiate it; if not, *why says so in a phrase for an operator.
bool config_policy_usable(const struct config_policy *p, const char **why);
bool config_transform_set_usable(const struct config_transform_set *t, const char **why);
bool config_group_usable(uint8_t group, const char **why);
// Bytes of cipher key that a set takes, an AEAD cipher's salt included.
unsigned config_cipher_key_len(const struct config_transform_set *t);
// Whether the keys of one direction are long enough for a transform set; the set's lengths count,
// and what is left over is not used. If not, *why says so.
bool config_manual_key(const struct config_transform_set *t, const struct config_session_key *k,
                       const char **why);
// NULL, or why the entry cannot be used ("no peer", "access list 101 is not defined", ...): IOS's
// incomplete state.
const char *config_map_entry_incomplete(const struct config *c, const struct config_map_entry *e);
// The same for who has found its access list already; NULL = there is none.
const char *config_map_entry_lacks(const struct config *c, const struct config_map_entry *e,
                                   const struct config_acl *acl);
// Whether quick mode offers extended sequence numbers, and prefers them (RFC 4304). Never without
// replay protection: the receiver knows the upper half from its window (RFC 4303, 3.4.3).
bool config_map_entry_esn(const struct config *c, const struct config_map_entry *e);
// The replay window of its inbound SAs in packets; CONFIG_REPLAY_DISABLED = they have none.
uint32_t config_map_entry_replay(const struct config *c, const struct config_map_entry *e);
// The dummy packets that its SAs send.
struct config_dummy config_map_entry_dummy(const struct config *c,
                                           const struct config_map_entry *e);
// The entries of the map that `crypto map`, or with `ipv6` `ipv6 crypto map`, binds to the
// interface; NULL and 0 if there is none, or it is of the other kind.
const struct config_map_entry *config_bound_map(const struct config *c,
                                                const struct config_interface *i, bool ipv6,
                                                uint32_t *n);
// The permit or deny with this sequence number, or NULL.
const struct config_acl_line *config_acl_line(const struct config_acl *acl, uint32_t seq);
// The selector of a crypto ACL's line seen from this gateway: source = local. 0, or -ENOTSUP and
// *why when IKEv1 has no identity for it (port range, gt, lt, neq, a wildcard that is no prefix, an
// option such as `established`).
int config_acl_selector(const struct config_acl_line *l, struct selector *out, const char **why);

// Whether the interface speaks IPv6: it has an address or `ipv6 enable`.
bool config_has_ipv6(const struct config_interface *i);
// The IPv6 addresses that the interface has with this MAC address: EUI-64 ones filled in, and a
// link-local one (RFC 4291, 2.5.6) first if IPv6 is on. Returns their number, 0 = no IPv6.
unsigned config_addresses6(const struct config_interface *i, const uint8_t mac[6],
                           struct config_address6 out[CONFIG_ADDRESSES6]);

// What is said of a network on the link that `ipv6 nd prefix` does not name, or if it is NULL of
// one that no line names: 30 days valid, 7 days preferred, as in IOS.
struct config_advert_prefix config_advert_prefix(const struct config_interface *i,
                                                 const struct ip_prefix *prefix);
// The interface's, defaults filled in: every 150 to 200 s, 1800 s.
struct config_advert config_advert(const struct config_interface *i);

// "fa0/1", "FastEthernet0/1" -> "FastEthernet0/1". A name of no known type stays as it is.
// 0, or -EINVAL when it is no interface name; a known type alone, without a number, is none.
int config_interface_name(const char *text, char out[CONFIG_NAME]);
// These bytes are a type of interface or an abbreviation of one, as in "FastEthernet 0/1".
bool config_is_interface_type(const char *text, size_t len);

#endif
