//! Workers, as users see and steer them.

use hone_proto::v1::{
    GetWorkerRequest, ListWorkersRequest, ListWorkersResponse, SetWorkerRequest, Worker as WorkerMessage,
    fleet_service_server::FleetService, set_worker_request::Action,
};
use hone_studies::{Command, Worker, WorkerState};
use tonic::{Request, Response, Status};

use super::Services;
use crate::{
    actor::View,
    convert::{client, status as statuses},
};

#[tonic::async_trait]
impl FleetService for Services {
    async fn list_workers(&self, request: Request<ListWorkersRequest>) -> Result<Response<ListWorkersResponse>, Status> {
        let all = request.into_inner().all;
        let view = self.view().await?;
        let shown = view.state.workers().filter(|worker| all || worker.state != WorkerState::Gone);
        let workers = shown.map(|worker| self.worker_message(&view, worker)).collect();
        Ok(Response::new(ListWorkersResponse { workers }))
    }

    async fn get_worker(&self, request: Request<GetWorkerRequest>) -> Result<Response<WorkerMessage>, Status> {
        let view = self.view().await?;
        let worker =
            client::find_worker(&view.state, &request.into_inner().worker).map_err(|error| statuses::from_select(&error))?;
        Ok(Response::new(self.worker_message(&view, worker)))
    }

    async fn set_worker(&self, request: Request<SetWorkerRequest>) -> Result<Response<WorkerMessage>, Status> {
        let request = request.into_inner();
        let view = self.view().await?;
        let worker = client::find_worker(&view.state, &request.worker).map_err(|error| statuses::from_select(&error))?.id;
        let command = match request.action() {
            Action::Activate => Command::ActivateWorker { worker },
            Action::Cordon => Command::CordonWorker { worker },
            Action::Drain => Command::DrainWorker { worker, hand_back: request.hand_back },
            Action::Unspecified => return Err(Status::invalid_argument("no action given")),
        };
        self.command(command).await?;
        let view = self.view().await?;
        let worker = view.state.worker(worker).ok_or_else(|| Status::not_found("the worker is gone"))?;
        Ok(Response::new(self.worker_message(&view, worker)))
    }
}

impl Services {
    fn worker_message(&self, view: &View, worker: &Worker) -> WorkerMessage {
        let clock_ahead = self.sessions.clock_ahead(worker.id).unwrap_or_default();
        client::worker_to_proto(worker, view.roster.session(worker.id), &view.state, clock_ahead)
    }
}
