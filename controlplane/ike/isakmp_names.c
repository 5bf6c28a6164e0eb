// Numbers of ISAKMP as words for logs and debug lines. Any thread; pure.
#include "isakmp.h"

const char *isakmp_exchange_name(uint8_t exchange)
{
	switch (exchange) {
	case ISAKMP_EXCHANGE_BASE:
		return "base";
	case ISAKMP_EXCHANGE_MAIN:
		return "main mode";
	case ISAKMP_EXCHANGE_AUTH_ONLY:
		return "authentication only";
	case ISAKMP_EXCHANGE_AGGRESSIVE:
		return "aggressive mode";
	case ISAKMP_EXCHANGE_INFO:
		return "informational";
	case ISAKMP_EXCHANGE_TRANSACTION:
		return "transaction";
	case ISAKMP_EXCHANGE_QUICK:
		return "quick mode";
	case ISAKMP_EXCHANGE_NEW_GROUP:
		return "new group mode";
	default:
		return "unknown";
	}
}

const char *isakmp_type_name(uint8_t type)
{
	static const char *const low[] = {"NONE",  "SA",     "P",      "T",         "KE",
	                                  "ID",    "CERT",   "CR",     "HASH",      "SIG",
	                                  "NONCE", "NOTIFY", "DELETE", "vendor id", "ATTR"};

	if (type < sizeof(low) / sizeof(low[0]))
		return low[type];
	switch (type) {
	case ISAKMP_NAT_D:
	case ISAKMP_NAT_D_DRAFT:
		return "NAT-D";
	case ISAKMP_NAT_OA:
	case ISAKMP_NAT_OA_DRAFT:
		return "NAT-OA";
	case ISAKMP_FRAGMENT:
		return "FRAGMENT";
	default:
		return "unknown";
	}
}

const char *isakmp_notify_name(uint16_t type)
{
	static const char *const errors[] = {
		[NOTIFY_INVALID_PAYLOAD_TYPE] = "INVALID_PAYLOAD_TYPE",
		[NOTIFY_DOI_NOT_SUPPORTED] = "DOI_NOT_SUPPORTED",
		[NOTIFY_SITUATION_NOT_SUPPORTED] = "SITUATION_NOT_SUPPORTED",
		[NOTIFY_INVALID_COOKIE] = "INVALID_COOKIE",
		[NOTIFY_INVALID_MAJOR_VERSION] = "INVALID_MAJOR_VERSION",
		[NOTIFY_INVALID_MINOR_VERSION] = "INVALID_MINOR_VERSION",
		[NOTIFY_INVALID_EXCHANGE_TYPE] = "INVALID_EXCHANGE_TYPE",
		[NOTIFY_INVALID_FLAGS] = "INVALID_FLAGS",
		[NOTIFY_INVALID_MESSAGE_ID] = "INVALID_MESSAGE_ID",
		[NOTIFY_INVALID_PROTOCOL_ID] = "INVALID_PROTOCOL_ID",
		[NOTIFY_INVALID_SPI] = "INVALID_SPI",
		[NOTIFY_INVALID_TRANSFORM_ID] = "INVALID_TRANSFORM_ID",
		[NOTIFY_ATTRIBUTES_NOT_SUPPORTED] = "ATTRIBUTES_NOT_SUPPORTED",
		[NOTIFY_NO_PROPOSAL_CHOSEN] = "NO_PROPOSAL_CHOSEN",
		[NOTIFY_BAD_PROPOSAL_SYNTAX] = "BAD_PROPOSAL_SYNTAX",
		[NOTIFY_PAYLOAD_MALFORMED] = "PAYLOAD_MALFORMED",
		[NOTIFY_INVALID_KEY_INFORMATION] = "INVALID_KEY_INFORMATION",
		[NOTIFY_INVALID_ID_INFORMATION] = "INVALID_ID_INFORMATION",
		[NOTIFY_INVALID_CERT_ENCODING] = "INVALID_CERT_ENCODING",
		[NOTIFY_INVALID_CERTIFICATE] = "INVALID_CERTIFICATE",
		[NOTIFY_CERT_TYPE_UNSUPPORTED] = "CERT_TYPE_UNSUPPORTED",
		[NOTIFY_INVALID_CERT_AUTHORITY] = "INVALID_CERT_AUTHORITY",
		[NOTIFY_INVALID_HASH_INFORMATION] = "INVALID_HASH_INFORMATION",
		[NOTIFY_AUTHENTICATION_FAILED] = "AUTHENTICATION_FAILED",
		[NOTIFY_INVALID_SIGNATURE] = "INVALID_SIGNATURE",
		[NOTIFY_ADDRESS_NOTIFICATION] = "ADDRESS_NOTIFICATION",
		[NOTIFY_SA_LIFETIME] = "NOTIFY_SA_LIFETIME",
		[NOTIFY_CERTIFICATE_UNAVAILABLE] = "CERTIFICATE_UNAVAILABLE",
		[NOTIFY_UNSUPPORTED_EXCHANGE_TYPE] = "UNSUPPORTED_EXCHANGE_TYPE",
		[NOTIFY_UNEQUAL_PAYLOAD_LENGTHS] = "UNEQUAL_PAYLOAD_LENGTHS",
	};

	if (type && type < sizeof(errors) / sizeof(errors[0]))
		return errors[type];
	switch (type) {
	case NOTIFY_CONNECTED:
		return "CONNECTED";
	case NOTIFY_RESPONDER_LIFETIME:
		return "RESPONDER_LIFETIME";
	case NOTIFY_REPLAY_STATUS:
		return "REPLAY_STATUS";
	case NOTIFY_INITIAL_CONTACT:
		return "INITIAL_CONTACT";
	case NOTIFY_R_U_THERE:
		return "R_U_THERE";
	case NOTIFY_R_U_THERE_ACK:
		return "R_U_THERE_ACK";
	default:
		return "unknown";
	}
}
