package web

import "qianhe/approval/access"

// auditKey is what a kind of the audit trail is called.
func auditKey(k access.EventKind) string {
	switch k {
	case access.EventSignedIn:
		return "event.signin.accepted"
	case access.EventRefused:
		return "event.signin.refused"
	case access.EventLimited:
		return "event.signin.limited"
	case access.EventSignedOut:
		return "event.signin.ended"
	case access.EventTextSent:
		return "event.newdevice.text"
	case access.EventNewConfirmed:
		return "event.newdevice.confirmed"
	case access.EventNewDenied:
		return "event.newdevice.denied"
	case access.EventNewAccepted:
		return "event.newdevice.accepted"
	case access.EventPasswordChanged:
		return "event.password.changed"
	case access.EventFactorAdded:
		return "event.factor.added"
	case access.EventFactorRemoved:
		return "event.factor.removed"
	case access.EventCodesMade:
		return "event.factor.codes"
	case access.EventDeviceRevoked:
		return "event.device.revoked"
	case access.EventDeviceReplaced:
		return "event.device.replaced"
	case access.EventDeviceJoined:
		return "event.device.joined"
	case access.EventChannelLinked:
		return "event.channel.linked"
	case access.EventChannelUnlinked:
		return "event.channel.unlinked"
	case access.EventPolicyChanged:
		return "event.policy.changed"
	case access.EventSettingsChanged:
		return "event.settings.changed"
	case access.EventReplayed:
		return "event.webhook.replayed"
	case access.EventTokenIssued:
		return "event.token.issued"
	case access.EventTokenWithdrawn:
		return "event.token.withdrawn"
	case access.EventAccountCreated:
		return "event.account.created"
	case access.EventAccountChanged:
		return "event.account.changed"
	case access.EventAccountLocked:
		return "event.account.locked"
	case access.EventAccountUnlocked:
		return "event.account.unlocked"
	case access.EventPasswordReset:
		return "event.password.reset"
	case access.EventLeft:
		return "event.account.left"
	case access.EventReassigned:
		return "event.work.reassigned"
	case access.EventUnitCreated:
		return "event.unit.created"
	case access.EventUnitChanged:
		return "event.unit.changed"
	case access.EventLedgerExported:
		return "event.ledger.exported"
	case access.EventAuditExported:
		return "event.audit.exported"
	case "document.submit":
		return "event.document.submit"
	case "document.approve":
		return "event.document.approve"
	case "document.return":
		return "event.document.return"
	case "document.decide":
		return "event.document.decide"
	}
	return "event.other"
}

// auditTone is the colour of what an administrator should look at.
func auditTone(k access.EventKind) string {
	switch k {
	case access.EventRefused, access.EventLimited, access.EventNewDenied:
		return "late"
	}
	return ""
}
