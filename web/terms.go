package web

import "qianhe/approval"

// This file gives the message keys of the terms of the field.

func speedKey(s approval.Speed) string {
	switch s {
	case approval.SpeedHighest:
		return "speed.highest"
	case approval.SpeedUrgent:
		return "speed.urgent"
	}
	return "speed.normal"
}

// speedTone is the colour of a document's folder: red, blue and white by speed,
// yellow when classified, as the folders of paper documents have it (公文夾).
func speedTone(s approval.Speed, g approval.Grade) string {
	switch {
	case g.Classified():
		return "sealed"
	case s == approval.SpeedHighest:
		return "highest"
	case s == approval.SpeedUrgent:
		return "urgent"
	}
	return ""
}

func typeKey(t approval.DocumentType) string {
	switch t {
	case approval.TypeLetter:
		return "type.letter"
	case approval.TypeMemo:
		return "type.memo"
	case approval.TypeOrder:
		return "type.order"
	case approval.TypeNotice:
		return "type.notice"
	case approval.TypeMeeting:
		return "type.meeting"
	case approval.TypeInspection:
		return "type.inspection"
	case approval.TypeReview:
		return "type.review"
	}
	return "type.other"
}

// askKey is what is asked of the reader.
func askKey(d approval.Duty) string {
	switch d {
	case approval.DutyHandle:
		return "ask.handle"
	case approval.DutyConsult:
		return "ask.consult"
	case approval.DutyDecide:
		return "ask.decide"
	}
	return "ask.review"
}

func dutyKey(d approval.Duty) string {
	switch d {
	case approval.DutyHandle:
		return "duty.handle"
	case approval.DutyConsult:
		return "duty.consult"
	case approval.DutyDecide:
		return "duty.decide"
	}
	return "duty.review"
}

// doKey is the verb of what closes a step: 陳核, 核可, 會畢, 決行.
func doKey(d approval.Duty) string {
	switch d {
	case approval.DutyHandle:
		return "do.submit"
	case approval.DutyConsult:
		return "do.consult"
	case approval.DutyDecide:
		return "do.decide"
	}
	return "do.approve"
}

// didKey is what somebody has done at a step of this duty; "" when the duty is
// not known.
func didKey(a approval.Action, duty approval.Duty) string {
	switch a {
	case approval.ActionApprove:
		if duty == approval.DutyConsult {
			return "did.consult"
		}
	case approval.ActionSubmit:
		return "did.submit"
	case approval.ActionReturn:
		return "did.return"
	case approval.ActionDecide:
		return "did.decide"
	}
	return "did.approve"
}
